package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"retrain"
	"retrain/api"
	"retrain/internal/keyring"
	"retrain/s3io"
)

// A world is a store with a clock that stands still until it is moved, and an S3 that can be away.
type world struct {
	bucket *s3io.Memory
	store  *keyring.Store
	now    atomic.Int64
	away   atomic.Bool
}

func newWorld() *world {
	w := &world{bucket: new(s3io.Memory)}
	w.now.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	w.store = &keyring.Store{Bucket: &s3io.Faulty{Bucket: w.bucket, Before: func(s3io.Op, string) error {
		if w.away.Load() {
			return retrain.Errorf(retrain.UnavailableError, "S3 is away")
		}
		return nil
	}}, Now: w.time}
	return w
}

func (w *world) time() time.Time      { return time.Unix(0, w.now.Load()) }
func (w *world) wait(d time.Duration) { w.now.Add(int64(d)) }

func (w *world) ring(root string) *keyring.Ring {
	return &keyring.Ring{Store: w.store, Root: root, Log: slog.New(slog.DiscardHandler)}
}

func (w *world) create(t *testing.T, wish api.NewKey) api.CreatedKey {
	t.Helper()
	k, err := w.store.Create(t.Context(), wish, "a test")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAKeyIsFoundUntilItExpiresOrIsRevoked(t *testing.T) {
	w := newWorld()
	end := w.time().Add(time.Hour)
	brief, lasting := w.create(t, api.NewKey{Name: "brief", Role: api.RoleWrite, ExpiresAt: &end}), w.create(t, api.NewKey{Name: "lasting", Resources: []string{"b", "a", "b"}})
	ring := w.ring("")
	for _, k := range []api.CreatedKey{brief, lasting} {
		got, err := ring.Find(t.Context(), k.Secret, false)
		if err != nil || got.ID != k.ID || got.Role != k.Role {
			t.Errorf("%s: got %+v, %v", k.Name, got, err)
		}
	}
	if lasting.Role != api.RoleRead || strings.Join(lasting.Resources, ",") != "a,b" {
		t.Errorf("what is left out: got %+v", lasting)
	}
	w.wait(time.Hour)
	if _, err := ring.Find(t.Context(), brief.Secret, true); !errors.Is(err, keyring.ErrNone) {
		t.Errorf("expired: got %v", err)
	}
	if err := w.store.Revoke(t.Context(), lasting.ID); err != nil {
		t.Fatal(err)
	}
	w.wait(11 * time.Second) // also where nobody has come meanwhile
	if _, err := ring.Find(t.Context(), lasting.Secret, true); !errors.Is(err, keyring.ErrNone) {
		t.Errorf("revoked ten seconds ago: got %v", err)
	}
	if err := w.store.Revoke(t.Context(), lasting.ID); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("revoked twice: got %v", err)
	}
}

func TestWhatIsNoKeyIsRefused(t *testing.T) {
	w := newWorld()
	k := w.create(t, api.NewKey{Name: "one"})
	ring := w.ring("the root key")
	for _, wrong := range []string{"", "x", "rt_", "rt_" + k.ID, "rt_" + k.ID + "_", k.Secret + "x", k.Secret[:len(k.Secret)-1], "the root", strings.ToLower(k.Secret), k.ID} {
		if got, err := ring.Find(t.Context(), wrong, true); !errors.Is(err, keyring.ErrNone) {
			t.Errorf("%q: got %v, %v", wrong, got, err)
		}
	}
	if got, err := ring.Find(t.Context(), "the root key", false); err != nil || got.Role != api.RoleAdmin {
		t.Errorf("the root key: got %v, %v", got, err)
	}
}

func TestEverybodyIsLetInWhereNobodyHasAKey(t *testing.T) {
	w := newWorld()
	ring := w.ring("")
	if k, err := ring.Find(t.Context(), "", true); k != nil || err != nil {
		t.Errorf("open: got %v, %v", k, err)
	}
	if _, err := ring.Find(t.Context(), "", false); !errors.Is(err, keyring.ErrNone) {
		t.Errorf("not open: got %v", err)
	}
	k := w.create(t, api.NewKey{Name: "first"})
	w.wait(2 * time.Second) // whoever comes with an unknown key has the list read anew
	if _, err := ring.Find(t.Context(), k.Secret, true); err != nil {
		t.Errorf("a new key: got %v", err)
	}
	if _, err := ring.Find(t.Context(), "", true); !errors.Is(err, keyring.ErrNone) {
		t.Errorf("since there is a key: got %v", err)
	}
}

func TestKeysAreKnownWhileS3IsAway(t *testing.T) {
	w := newWorld()
	k := w.create(t, api.NewKey{Name: "one"})
	ring := w.ring("root")
	w.away.Store(true)
	if _, err := ring.Find(t.Context(), k.Secret, false); !errors.Is(err, retrain.UnavailableError) {
		t.Errorf("never read: got %v", err)
	}
	if _, err := ring.Find(t.Context(), "root", false); err != nil {
		t.Errorf("the root key needs no S3: got %v", err)
	}
	w.away.Store(false)
	if _, err := ring.Find(t.Context(), k.Secret, false); err != nil {
		t.Fatal(err)
	}
	w.away.Store(true)
	w.wait(9 * time.Minute)
	if _, err := ring.Find(t.Context(), k.Secret, false); err != nil {
		t.Errorf("nine minutes later: got %v", err)
	}
	w.wait(2 * time.Minute)
	if _, err := ring.Find(t.Context(), k.Secret, false); !errors.Is(err, retrain.UnavailableError) {
		t.Errorf("after eleven: got %v", err)
	}
}

// Whoever reads the bucket, or a list of keys, cannot use them.
func TestNobodyCanReadASecret(t *testing.T) {
	w := newWorld()
	k := w.create(t, api.NewKey{Name: "one"})
	b, _, err := w.bucket.Get(t.Context(), "keys.json")
	if err != nil {
		t.Fatal(err)
	}
	random := k.Secret[strings.LastIndexByte(k.Secret, '_')+1:]
	if len(random) < 52 || bytes.Contains(b, []byte(random)) {
		t.Errorf("the secret %q is short, or stands in %s", random, b)
	}
}

func TestWishesThatCannotBe(t *testing.T) {
	w := newWorld()
	past := w.time().Add(-time.Second)
	for _, wish := range []api.NewKey{{}, {Name: " "}, {Name: strings.Repeat("x", 101)}, {Name: "x", Role: "boss"}, {Name: "x", ExpiresAt: &past}, {Name: "x", Resources: []string{""}}} {
		if _, err := w.store.Create(context.Background(), wish, ""); !errors.Is(err, retrain.DataValidationError) {
			t.Errorf("%+v: got %v", wish, err)
		}
	}
}

func TestOfTwoWhoCreateAtOnceBothDo(t *testing.T) {
	w := newWorld()
	done := make(chan error)
	for range 8 {
		go func() {
			_, err := w.store.Create(context.Background(), api.NewKey{Name: "one of many"}, "")
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if all, err := w.store.List(t.Context()); err != nil || len(all) != 8 {
		t.Errorf("got %d keys, %v", len(all), err)
	}
}
