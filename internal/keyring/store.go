// Package keyring hands out API keys and recognises them. They are kept in S3, as digests: whoever reads the bucket cannot use them.
package keyring

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"retrain"
	"retrain/api"
	"retrain/s3io"
)

// All keys are one object: whoever is asked for one has them all, and does not ask S3 for keys that there are not.
const object = "keys.json"

// A list is its content.
type list struct {
	Format int      `json:"format"` // 1
	Keys   []stored `json:"keys"`   // oldest first
}

// A stored is a key as it is kept.
type stored struct {
	api.Key

	SHA256 string `json:"sha256"` // of the secret, hexadecimal
}

// A Store keeps keys.
type Store struct {
	Bucket s3io.Bucket
	Now    func() time.Time
}

// What a name may have, and how many keys there may be.
const (
	longestName = 100
	mostKeys    = 10_000
)

// Create makes a key, and returns it with its secret, which nobody can tell again.
func (s *Store) Create(ctx context.Context, wish api.NewKey, by string) (api.CreatedKey, error) {
	k := api.Key{ID: strings.ToLower(rand.Text()[:8]), Name: wish.Name, Role: wish.Role, Resources: slices.Compact(slices.Sorted(slices.Values(wish.Resources))),
		CreatedAt: s.Now().UTC().Truncate(time.Second), CreatedBy: by, ExpiresAt: wish.ExpiresAt}
	if k.Role == "" {
		k.Role = api.RoleRead
	}
	if err := s.check(&k); err != nil {
		return api.CreatedKey{}, err
	}
	secret := begin + k.ID + "_" + rand.Text() + rand.Text() // 260 bits
	err := s.change(ctx, func(l *list) error {
		if len(l.Keys) >= mostKeys {
			return retrain.Errorf(retrain.ConflictError, "there are %d keys already", mostKeys).WithHint("revoke some")
		}
		l.Keys = append(l.Keys, stored{k, digest(secret)})
		return nil
	})
	return api.CreatedKey{Key: k, Secret: secret}, err
}

func (s *Store) check(k *api.Key) error {
	switch {
	case strings.TrimSpace(k.Name) == "" || len(k.Name) > longestName:
		return retrain.Errorf(retrain.DataValidationError, "a key needs a name of at most %d bytes", longestName).WithHint("say what it is for")
	case !k.Role.Covers(api.RoleRead):
		return retrain.Errorf(retrain.DataValidationError, "there is no role %q", k.Role).WithHint("read, write or admin")
	case k.ExpiresAt != nil && !k.ExpiresAt.After(s.Now()):
		return retrain.Errorf(retrain.DataValidationError, "a key that has expired is none")
	case slices.Contains(k.Resources, ""):
		return retrain.Errorf(retrain.DataValidationError, "a resource has a name")
	}
	return nil
}

// List returns all keys, oldest first, also those that have expired.
func (s *Store) List(ctx context.Context) ([]api.Key, error) {
	l, _, err := s.read(ctx)
	all := make([]api.Key, len(l.Keys))
	for i := range l.Keys {
		all[i] = l.Keys[i].Key
	}
	return all, err
}

// Revoke takes a key out of service. Servers that know it do so within seconds.
func (s *Store) Revoke(ctx context.Context, id string) error {
	return s.change(ctx, func(l *list) error {
		n := len(l.Keys)
		if l.Keys = slices.DeleteFunc(l.Keys, func(k stored) bool { return k.ID == id }); len(l.Keys) == n {
			return retrain.Errorf(retrain.NotFoundError, "no key %q", id).WithHint("producer keys list")
		}
		return nil
	})
}

func (s *Store) read(ctx context.Context) (l list, e s3io.ETag, err error) {
	b, e, err := s.Bucket.Get(ctx, object)
	if errors.Is(err, retrain.NotFoundError) {
		return list{Format: 1}, "", nil
	} else if err != nil {
		return l, "", err
	}
	if err := json.Unmarshal(b, &l); err != nil || l.Format != 1 {
		return l, "", retrain.Errorf(retrain.UnavailableError, "%s cannot be read: it is of format %d", object, l.Format).WithHint("was it written by a newer release?")
	}
	return l, e, nil
}

// So often somebody else may be first.
const mostTries = 20

func (s *Store) change(ctx context.Context, how func(*list) error) error {
	for range mostTries {
		l, e, err := s.read(ctx)
		if err != nil {
			return err
		}
		if err := how(&l); err != nil {
			return err
		}
		b, err := json.Marshal(l)
		if err != nil {
			return err
		}
		cond := s3io.IfAbsent
		if e != "" {
			cond = s3io.IfMatch(e)
		}
		if _, err = s.Bucket.Put(ctx, object, b, cond); !errors.Is(err, retrain.ConflictError) {
			return err
		}
	}
	return retrain.Errorf(retrain.ConflictError, "%s: %d times somebody else was first", object, mostTries)
}

// All secrets begin with this, so that they are found where they do not belong.
const begin = "rt_"

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// is reports whether a secret is that of a key, in a time that does not depend on how much of it is right.
func (k *stored) is(secret string) bool {
	return subtle.ConstantTimeCompare([]byte(digest(secret)), []byte(k.SHA256)) == 1
}

// idOf returns the id that a secret claims to have.
func idOf(secret string) string {
	rest, ok := strings.CutPrefix(secret, begin)
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "_")
	return id
}
