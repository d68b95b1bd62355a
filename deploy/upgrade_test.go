package deploy_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain"
	"retrain/internal/testenv"
	"retrain/s3io"
)

var fixtureBy = flag.String("fixture-by", "", "folder of programs of an older version: they make the fixture of TestWhatAnOlderVersionLeft anew")

// The bucket and the Redis of the first version that was whole, of 2026-11-23: records in a log alone, a spec for each model and
// nothing else that names them, checkpoints, tasks that wait. README.md beside it says what was done.
const fixture = "testdata/before/system.tar.gz"

const oldModels = `
resources:
  line: {}
models:
  line: {type: regression, resource: line, features: [x], target: y, modelConfig: {epochs: 5}}
  slow: {type: regression, resource: line, features: [x], target: y, modelConfig: {epochs: 3000, batchSize: 2}}
`

// What an older version stored is read by this one: records, counts, versions, the champion, a run that waits, and one that was
// interrupted; with its Redis, and from its bucket alone.
func TestWhatAnOlderVersionLeft(t *testing.T) {
	if *fixtureBy != "" {
		makeFixture(t)
	}
	for _, withRedis := range []bool{true, false} {
		t.Run(fmt.Sprintf("Redis is there: %v", withRedis), func(t *testing.T) {
			t.Parallel()
			addr := testenv.Redis(t)
			s := newSystem(t, map[string]any{"addr": addr})
			s.restore(addr, withRedis)
			s.scheduler()
			s.predictor()
			s.counted(10)
			var records struct{ Count int }
			if s.do(&records, "records", "line", "--count"); records.Count != 30 {
				t.Errorf("%d records, want 30", records.Count)
			}
			for version, want := range map[string]float64{"1": -4.2385294, "2": -4.2384680} { // as they did then
				var answer struct{ Prediction float64 }
				s.do(&answer, "predict", "line", "--features", `{"x": 3}`, "--version", version)
				if math.Abs(answer.Prediction-want) > 1e-5 {
					t.Errorf("version %s answers %v, want %v", version, answer.Prediction, want)
				}
			}
			s.champion("line", 2)

			s.trainer()
			s.champion("line", 3) // the run that waited
			s.champion("slow", 1) // the one that was interrupted
			s.counted(0)
		})
	}
}

// champion waits until a version is the champion.
func (s *system) champion(model string, want int) {
	s.Helper()
	testenv.Eventually(s.T, 5*time.Minute, func() error {
		var status struct{ Models []retrain.ModelStatus }
		if err := s.try(&status, "status", model); err != nil {
			return err
		}
		if got := status.Models[0].Version; got != want {
			return fmt.Errorf("version %d of %s is the champion, want %d; its run is at %+v", got, model, want, status.Models[0].Run)
		}
		return nil
	})
}

// makeFixture lets the older programs work, and keeps what they leave.
func makeFixture(t *testing.T) {
	t.Helper()
	addr := testenv.Redis(t)
	s := newSystem(t, map[string]any{"addr": addr})
	s.bin = *fixtureBy
	scheduler := s.scheduler()
	insert := s.declare(oldModels)
	trainer := s.trainer()
	for range 2 {
		insert()
		s.do(nil, "train", "line", "--wait", "--timeout", "60s")
	}
	s.do(nil, "train", "slow")
	testenv.Eventually(t, time.Minute, func() error {
		var status struct{ Models []retrain.ModelStatus }
		err := s.try(&status, "status", "slow")
		if err == nil && (status.Models[0].Run == nil || status.Models[0].Run.CurrentEpoch < 50) {
			err = errors.New("not far enough")
		}
		return err
	})
	trainer.signal(syscall.SIGTERM)
	insert()
	s.counted(10)
	s.do(nil, "train", "line")
	scheduler.signal(syscall.SIGTERM)
	s.save(addr)
}

// A redisKey is a key and all that it holds: fields and values of a hash, members and scores of a sorted set.
type redisKey struct {
	Key, Type string
	Values    [][]byte
}

func (s *system) bucket() s3io.Bucket {
	s.Helper()
	b, err := s3io.Open(s.Context(), s3io.Config{Bucket: s.store.Bucket, Endpoint: s.store.Endpoint, Region: s.store.Region, PathStyle: true,
		AccessKeyID: s.store.AccessKeyID, SecretAccessKey: s.store.SecretAccessKey})
	if err != nil {
		s.Fatal(err)
	}
	return b
}

// save writes all objects and keys into the fixture.
func (s *system) save(addr string) {
	s.Helper()
	var file bytes.Buffer
	packed := gzip.NewWriter(&file)
	w := tar.NewWriter(packed)
	add := func(name string, body []byte) {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(body)), Format: tar.FormatPAX})
		if err == nil {
			_, err = w.Write(body)
		}
		if err != nil {
			s.Fatal(err)
		}
	}
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer c.Close()
	keys, err := dump(s.Context(), c)
	text, err2 := json.Marshal(keys)
	if err := errors.Join(err, err2); err != nil {
		s.Fatal(err)
	}
	add("redis.json", text)
	b := s.bucket()
	for o, err := range b.List(s.Context(), s3io.Listing{}) {
		if err != nil {
			s.Fatal(err)
		}
		body, _, err := b.Get(s.Context(), o.Key)
		if err != nil {
			s.Fatal(err)
		}
		add("bucket/"+o.Key, body)
	}
	if err := errors.Join(w.Close(), packed.Close(), os.WriteFile(fixture, file.Bytes(), 0o600)); err != nil {
		s.Fatal(err)
	}
}

// restore puts the fixture's objects into the bucket, and its keys into Redis.
func (s *system) restore(addr string, withRedis bool) {
	s.Helper()
	file, err := os.Open(fixture)
	if err != nil {
		s.Fatal(err)
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	if err != nil {
		s.Fatal(err)
	}
	b := s.bucket()
	for r := tar.NewReader(packed); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		var body []byte
		if err == nil {
			body, err = io.ReadAll(r)
		}
		if key, object := strings.CutPrefix(head.Name, "bucket/"); err == nil && object {
			_, err = b.Put(s.Context(), key, body, s3io.IfAbsent)
		} else if err == nil && withRedis {
			err = undump(s.Context(), addr, body)
		}
		if err != nil {
			s.Fatal(err)
		}
	}
}

// dump reads a Redis in a form that every version of it takes.
func dump(ctx context.Context, c *redis.Client) (all []redisKey, err error) {
	keys, err := c.Keys(ctx, "*").Result()
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		k := redisKey{Key: key, Type: c.Type(ctx, key).Val()}
		var answer any
		switch k.Type {
		case "string":
			answer, err = c.Get(ctx, key).Result()
			answer = []any{answer}
		case "list":
			answer, err = c.Do(ctx, "LRANGE", key, 0, -1).Result()
		case "set":
			answer, err = c.Do(ctx, "SMEMBERS", key).Result()
		case "hash":
			answer, err = c.HGetAll(ctx, key).Result()
		case "zset":
			var members []redis.Z
			members, err = c.ZRangeWithScores(ctx, key, 0, -1).Result()
			for _, z := range members {
				k.Values = append(k.Values, fmt.Append(nil, z.Member), []byte(strconv.FormatFloat(z.Score, 'g', -1, 64)))
			}
		case "none", "stream": // it has just gone; hints that nobody waits for any more
			continue
		}
		if err != nil {
			return nil, err
		}
		for v := range elements(answer) {
			k.Values = append(k.Values, fmt.Append(nil, v))
		}
		all = append(all, k)
	}
	return all, nil
}

// elements yields the elements of a list, or the keys and values of a map.
func elements(answer any) func(yield func(any) bool) {
	return func(yield func(any) bool) {
		switch v := reflect.ValueOf(answer); v.Kind() {
		case reflect.Slice:
			for i := range v.Len() {
				if !yield(v.Index(i).Interface()) {
					return
				}
			}
		case reflect.Map:
			for _, key := range v.MapKeys() {
				if !yield(key.Interface()) || !yield(v.MapIndex(key).Interface()) {
					return
				}
			}
		}
	}
}

func undump(ctx context.Context, addr string, text []byte) error {
	var all []redisKey
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer c.Close()
	for _, k := range all {
		command := []any{map[string]string{"string": "SET", "list": "RPUSH", "set": "SADD", "hash": "HSET", "zset": "ZADD"}[k.Type], k.Key}
		for i, v := range k.Values {
			if k.Type == "zset" && i%2 == 0 {
				command = append(command, k.Values[i+1], v) // the score comes first
			} else if k.Type != "zset" {
				command = append(command, v)
			}
		}
		if err := c.Do(ctx, command...).Err(); err != nil {
			return fmt.Errorf("%s: %w", k.Key, err)
		}
	}
	return nil
}
