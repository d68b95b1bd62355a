package testenv_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain/internal/testenv"
)

func TestRedisSurvivesAKill(t *testing.T) {
	server := testenv.StartRedis(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	if err := client.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	was := server.Addr()
	server.Kill()
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := server.Addr(); got != was {
		t.Errorf("address after a restart: got %s, want %s", got, was)
	}
	testenv.Eventually(t, 5*time.Second, func() error { return client.Get(t.Context(), "key").Err() })
	if got, err := client.ConfigGet(t.Context(), "maxmemory-policy").Result(); got["maxmemory-policy"] != "noeviction" {
		t.Errorf("policy: got %v, %v", got, err)
	}
}

func TestS3SurvivesAKill(t *testing.T) {
	server, store := testenv.StartS3(t)
	get := func() error {
		r, err := http.Get(store.Endpoint + "/" + store.Bucket)
		if err != nil {
			return err
		}
		if r.Body.Close(); r.StatusCode != http.StatusForbidden { // unsigned
			return errors.New(r.Status)
		}
		return nil
	}
	testenv.Eventually(t, time.Second, get)
	server.Kill()
	if get() == nil {
		t.Error("answers after the kill")
	}
	server.Restart(t)
	testenv.Eventually(t, time.Second, get)
}

func TestBucketsAreDifferent(t *testing.T) {
	a, b := testenv.S3(t), testenv.S3(t)
	if a.Bucket == b.Bucket || a.Endpoint != b.Endpoint {
		t.Errorf("got %v and %v, want two buckets of one server", a, b)
	}
}
