package keyring

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"sync"
	"time"

	"retrain"
	"retrain/api"
)

// A Ring recognises keys. It reads them from the store and remembers them for a few seconds. Any number of goroutines may use it.
type Ring struct {
	Store *Store
	Root  string // a key with the role admin that is in no store; "" for none
	Log   *slog.Logger

	mu      sync.Mutex // guards the following
	known   map[string]*stored
	read    time.Time // when known was read; zero: never
	tried   time.Time // when reading ended last, however it did
	reading chan struct{}
}

// How old what a ring knows may be: before it is read again, in the background; before that is waited for; before it is waited for
// because somebody has a key that is not known; and at the most, while S3 does not answer.
const (
	fresh   = 5 * time.Second
	stale   = 10 * time.Second
	retried = time.Second
	oldest  = 10 * time.Minute
)

// ErrNone is the error for whoever has no key, where one is needed, or one that is not known, has expired or was revoked.
var ErrNone = retrain.Errorf(retrain.MLError, "an API key is needed, and this is none that is valid").WithHint("send it as Authorization: Bearer KEY")

// root is the key that is in no store.
var root = api.Key{ID: "root", Name: "RETRAIN_API_KEY", Role: api.RoleAdmin}

// Find returns the key that a secret belongs to, and ErrNone for none that is valid. While there is no key at all, and open is said,
// everybody is let in: nil. An UnavailableError says that the keys cannot be read.
func (r *Ring) Find(ctx context.Context, secret string, open bool) (*api.Key, error) {
	if r.Root != "" && secret != "" {
		got, want := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(r.Root))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			return &root, nil
		}
	}
	known, err := r.keys(ctx, idOf(secret))
	if err != nil {
		return nil, err
	}
	if open && len(known) == 0 && r.Root == "" {
		return nil, nil //nolint:nilnil // nobody needs a key
	}
	k := known[idOf(secret)]
	if k == nil || !k.is(secret) || k.ExpiresAt != nil && !r.Store.Now().Before(*k.ExpiresAt) {
		return nil, ErrNone
	}
	return &k.Key, nil
}

// Any reports whether there is a key.
func (r *Ring) Any(ctx context.Context) (bool, error) {
	known, err := r.keys(ctx, "")
	return r.Root != "" || len(known) > 0, err
}

// keys returns what is known of all keys. It reads it where it is not fresh any more, or lacks the one that is looked for.
func (r *Ring) keys(ctx context.Context, id string) (map[string]*stored, error) {
	r.mu.Lock()
	now := r.Store.Now()
	age := now.Sub(r.read)
	_, has := r.known[id]
	switch {
	case r.read.IsZero(), age > oldest, age > stale && now.Sub(r.tried) > fresh, id != "" && !has && now.Sub(r.tried) > retried:
		done := r.begin(ctx)
		r.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		r.mu.Lock()
	case age > fresh && now.Sub(r.tried) > fresh:
		r.begin(ctx)
	}
	defer r.mu.Unlock()
	if r.read.IsZero() || now.Sub(r.read) > oldest {
		return nil, retrain.Errorf(retrain.UnavailableError, "the API keys cannot be read: S3 does not answer")
	}
	return r.known, nil
}

// begin reads the keys, unless somebody does; what it returns is closed when that is done. The lock is held.
func (r *Ring) begin(ctx context.Context) <-chan struct{} {
	if r.reading != nil {
		return r.reading
	}
	done := make(chan struct{})
	r.reading = done
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), oldest/60)
		defer cancel()
		r.load(ctx)
	}()
	return done
}

func (r *Ring) load(ctx context.Context) {
	l, _, err := r.Store.read(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reading, r.tried = nil, r.Store.Now()
	if err != nil {
		r.Log.WarnContext(ctx, "the API keys cannot be read; those that are known stay for some minutes", "err", err)
		return
	}
	r.known, r.read = make(map[string]*stored, len(l.Keys)), r.Store.Now()
	for i := range l.Keys {
		r.known[l.Keys[i].ID] = &l.Keys[i]
	}
}
