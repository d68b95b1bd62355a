package s3io

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"

	"retrain"
	"retrain/s3io/s3db"
)

// S3DB reads databases that s3db.js wrote. A listing of such a database has no values in it, and one request per record is slow;
// so each record is fetched once in each of its states and copied, as it was stored, into batches of ours, in the order in which
// it was written. A snapshot costs one listing and the records that have changed. What is read are the copies: a run sees what it
// snapshotted, whatever happens to the database meanwhile. The batches are numbered, and each is written under the condition that
// nobody else has written it, so every state of a record is in one of them, and is counted once; any number of processes may copy
// at the same time. Secrets stay encrypted in the copies.
//
//	resources/{resource}/s3db/{place}/{number}.jsonl.zst
//	resources/{resource}/s3db/{place}/packs/{first}-{last}.jsonl.zst   the same batches, in one object
//	resources/{resource}/s3db/{place}/{digest}.json       s3db.json, as it was
type S3DB struct {
	Bucket Bucket                                                   // ours, where the copies lie
	Open   func(ctx context.Context, bucket string) (Bucket, error) // any bucket by its name, whole; "" is the one that ours is in

	blocks blockCache

	mu     sync.Mutex // guards the following
	copies map[string]*copies
}

var _ retrain.Source = (*S3DB)(nil)

// A legacy is one resource of a database.
type legacy struct {
	bucket   Bucket // below the database's prefix
	place    string // for people
	name     string // of the resource
	schema   []byte // s3db.json
	resource *s3db.Resource
}

// Snapshot copies what has changed in the database and names the copies.
func (s *S3DB) Snapshot(ctx context.Context, r retrain.Resource, p *retrain.PartitionRef) (retrain.Dataset, error) {
	d := retrain.Dataset{Resource: r.Name, From: &r, Partition: p, Objects: []retrain.DataObject{}}
	from, err := s.legacy(ctx, &r)
	if err != nil {
		return d, err
	}
	if err := from.checkPartition(&r, p); err != nil {
		return d, err
	}
	if _, err := passphrase(&r); err != nil {
		return d, err
	}
	c := s.copiesOf(&r)
	select { // the first copying of a database takes its time
	case c.busy <- struct{}{}:
		defer func() { <-c.busy }()
	case <-ctx.Done():
		return d, context.Cause(ctx)
	}
	if err := c.update(ctx, from); err != nil {
		return d, err
	}
	schema, err := c.keepSchema(ctx, from.schema)
	if err != nil {
		return d, err
	}
	d.Objects = append(d.Objects, schema)
	for _, h := range c.held {
		d.Objects = append(d.Objects, h.DataObject)
	}
	return d, nil
}

// legacy finds a resource's database.
func (s *S3DB) legacy(ctx context.Context, r *retrain.Resource) (*legacy, error) {
	if r.S3DB == nil {
		return nil, retrain.Errorf(retrain.ModelConfigError, "resource %s: source s3db needs s3db: {prefix: …}", r.Name)
	}
	bucket, err := s.Open(ctx, r.S3DB.Bucket)
	if err != nil {
		return nil, err
	}
	from := &legacy{bucket: Under(bucket, r.S3DB.Prefix), name: cmp.Or(r.S3DB.Resource, r.Name)}
	from.place = strings.TrimPrefix(r.S3DB.Bucket+"/"+strings.Trim(r.S3DB.Prefix, "/"), "/")
	from.schema, _, err = from.bucket.Get(ctx, s3db.MetadataKey)
	if errors.Is(err, retrain.NotFoundError) {
		return nil, retrain.Errorf(retrain.ModelConfigError, "resource %s: there is no %s in %q: %w", r.Name, s3db.MetadataKey, from.place, err).
			WithHint("s3db.bucket and s3db.prefix say where the database lies")
	} else if err != nil {
		return nil, err
	}
	from.resource, err = resourceIn(from.schema, from.name)
	return from, inObject(from.place, err)
}

func resourceIn(schema []byte, name string) (*s3db.Resource, error) {
	db, err := s3db.Parse(schema)
	if err != nil {
		return nil, err
	}
	return db.Resource(name)
}

// checkPartition returns a ModelConfigError for a partition that neither the declaration nor the database knows, or that is by
// other fields.
func (l *legacy) checkPartition(r *retrain.Resource, p *retrain.PartitionRef) error {
	if p == nil || r.Partitions[p.Name] != nil {
		return nil
	}
	if rules := l.resource.Partitions[p.Name]; rules != nil {
		fields, given := slices.Sorted(maps.Keys(rules)), slices.Sorted(maps.Keys(p.Values))
		if !slices.Equal(fields, given) {
			return retrain.Errorf(retrain.ModelConfigError, "resource %s: the database has partition %s by %s, and not by %s",
				r.Name, p.Name, strings.Join(fields, ", "), strings.Join(given, ", "))
		}
		return nil
	}
	return retrain.Errorf(retrain.ModelConfigError, "resource %s: neither it nor the database has a partition %q", r.Name, p.Name)
}

// passphrase returns what opens the secrets, and "" where nobody asked for them.
func passphrase(r *retrain.Resource) (string, error) {
	if r.S3DB.PassphraseEnv == "" {
		return "", nil
	}
	p := os.Getenv(r.S3DB.PassphraseEnv)
	if p == "" {
		return "", retrain.Errorf(retrain.ModelConfigError, "resource %s: the environment has no %s", r.Name, r.S3DB.PassphraseEnv).
			WithHint("set it to the database's passphrase, for every program that reads records, or leave passphraseEnv away: secrets are left out then")
	}
	return p, nil
}

// copiesOf returns what this process knows of a resource's copies. Those of another place, bucket or resource are others.
func (s *S3DB) copiesOf(r *retrain.Resource) *copies {
	place := fmt.Sprintf("%q", []string{r.S3DB.Bucket, strings.Trim(r.S3DB.Prefix, "/"), cmp.Or(r.S3DB.Resource, r.Name)})
	sum := sha256.Sum256([]byte(place))
	id := hex.EncodeToString(sum[:8])
	folder := resourceKey(r.Name) + "s3db/" + id + "/"
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.copies == nil {
		s.copies = make(map[string]*copies)
	}
	if s.copies[folder] == nil {
		s.copies[folder] = newCopies(s.Bucket, id, folder)
	}
	return s.copies[folder]
}

// Tables decodes the copies, as Records.Tables does its batches: each record in its latest state, without those that were
// deleted, in the order in which they were written.
func (s *S3DB) Tables(ctx context.Context, d retrain.Dataset) iter.Seq2[*retrain.Table, error] {
	return func(yield func(*retrain.Table, error) bool) {
		reader, batches, err := s.reader(ctx, d)
		var parts []*part
		if err == nil {
			parts, err = reader.log.parts(ctx, batches)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		blocks := grouped(parts)
		decode := func(ctx context.Context, i int) (*retrain.Table, error) { return reader.block(ctx, blocks[i]) }
		for t, err := range inOrder(ctx, len(blocks), decodes, decode) {
			if err == nil && t.Rows == 0 {
				continue
			}
			if !yield(t, err) {
				return
			}
		}
	}
}

// A legacyReader decodes a snapshot.
type legacyReader struct {
	log        *Records
	blocks     *blockCache // nil where nothing is to be kept
	schema     retrain.DataObject
	name       string // of the resource in the database
	resource   *s3db.Resource
	passphrase string
	partition  *retrain.PartitionRef
}

// reader reads the s3db.json of a snapshot, and returns the rest of it.
func (s *S3DB) reader(ctx context.Context, d retrain.Dataset) (*legacyReader, retrain.Dataset, error) {
	rest := retrain.Dataset{Resource: d.Resource}
	reader := &legacyReader{log: &Records{Bucket: s.Bucket}, blocks: &s.blocks, partition: d.Partition}
	if d.From == nil || d.From.S3DB == nil {
		return nil, rest, retrain.Errorf(retrain.DataValidationError, "the data set does not say which database it is from")
	}
	var err error
	if reader.passphrase, err = passphrase(d.From); err != nil {
		return nil, rest, err
	}
	if reader.passphrase != "" { // secrets are not kept longer than whoever wants them does
		reader.blocks = nil
	}
	reader.name = cmp.Or(d.From.S3DB.Resource, d.From.Name)
	for _, o := range d.Objects {
		if o.Batch != "" || o.Batches != nil {
			rest.Objects = append(rest.Objects, o)
			continue
		}
		schema, err := reader.log.fetch(ctx, o)
		if err != nil {
			return nil, rest, err
		}
		if reader.resource, err = resourceIn(schema, reader.name); err != nil {
			return nil, rest, inObject(o.Key, err)
		}
		reader.schema = o
	}
	if reader.resource == nil {
		return nil, rest, retrain.Errorf(retrain.DataValidationError, "the data set has no copy of %s", s3db.MetadataKey)
	}
	return reader, rest, nil
}

// block decodes parts into one table, unless this process has done so.
func (r *legacyReader) block(ctx context.Context, parts []*part) (*retrain.Table, error) {
	if r.blocks == nil {
		return r.decodeBlock(ctx, parts)
	}
	k := r.key(parts)
	if t := r.blocks.get(k); t != nil {
		return t, nil
	}
	t, err := r.decodeBlock(ctx, parts)
	if err == nil {
		r.blocks.keep(k, t)
	}
	return t, err
}

func (r *legacyReader) decodeBlock(ctx context.Context, parts []*part) (*retrain.Table, error) {
	var records []retrain.Record
	for _, p := range parts {
		err := r.log.again(ctx, p, func(_ batchHeader, lines []byte) error {
			row := 0
			for line := range bytes.SplitSeq(lines, []byte{'\n'}) {
				if p.old == nil || !p.old[row] {
					var err error
					if records, err = r.decode(records, line); err != nil {
						return err
					}
				}
				row++
			}
			return ctx.Err()
		})
		if err != nil {
			return nil, err
		}
	}
	return retrain.NewTable(records), nil
}

// decode appends the record of a line, if it exists and is in the partition.
func (r *legacyReader) decode(records []retrain.Record, line []byte) ([]retrain.Record, error) {
	if len(line) == 0 { // a batch without records
		return records, nil
	}
	var c stored
	if err := jsonv2.Unmarshal(line, &c); err != nil {
		return records, retrain.Errorf(retrain.DataValidationError, "a copy: %w", plain(err))
	}
	if c.Gone {
		return records, nil
	}
	record, err := r.resource.Decode(s3db.Stored{ID: c.ID, Metadata: c.Metadata, Body: []byte(c.Body)}, r.passphrase)
	if err != nil {
		return records, inObject("record "+c.ID, err)
	}
	if r.partition == nil || r.resource.In(r.partition, record) {
		records = append(records, record)
	}
	return records, nil
}
