package app_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/testenv"
)

// saved returns what Redis holds, and what puts it back.
func saved(t *testing.T, a *app.App) (restore func()) {
	t.Helper()
	r := a.Redis.Redis
	names, err := r.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	dumps := make(map[string]string)
	for _, name := range names {
		if r.PTTL(t.Context(), name).Val() > 0 { // it would be over by then
			continue
		}
		dump, err := r.Dump(t.Context(), name).Result()
		if errors.Is(err, redis.Nil) { // a lock or a task that ended since it was listed
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		dumps[name] = dump
	}
	return func() {
		t.Helper()
		if err := r.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		for name, dump := range dumps {
			if err := r.Restore(t.Context(), name, 0, dump).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// ended waits for a run's end and until nothing is open any more.
func ended(t *testing.T, a *app.App, number int) {
	t.Helper()
	testenv.Eventually(t, 20*time.Second, func() error {
		if err := a.Sweeper.Sweep(t.Context()); err != nil {
			return err
		}
		if st := status(t, a); st.Version != number || st.Run != nil {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})
}

// Redis is put back to an older time, whatever a run had come to then and since: no row that was learnt is learnt again, none is
// forgotten, and no number is given twice.
func TestRedisOfYesterday(t *testing.T) {
	for _, when := range []string{"before the rows were counted", "before the run was requested", "while it was at work", "after it was learnt"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			a := opened(t)
			var restore func()
			at := func(now string) {
				if now == when {
					restore = saved(t, a)
				}
			}
			f := learns(t, a)
			insert(t, a, "first")
			at("before the rows were counted")
			for i := range 48 {
				insert(t, a, fmt.Sprint("batch-", i))
			}
			at("before the run was requested")
			insert(t, a, "last") // 100 rows
			<-f.began
			at("while it was at work")
			close(f.enough)
			ended(t, a, 1)
			at("after it was learnt")
			insert(t, a, "later")
			restore()
			for range 2 {
				if err := a.Sweeper.Reconcile(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			ended(t, a, 1)
			if st := status(t, a); st.InsertsSinceTraining != 2 {
				t.Errorf("status %+v, want the 2 rows that came later", st)
			}
			id := train(t, a)
			if id.Number != 2 {
				t.Errorf("the next run is %s", id)
			}
			ended(t, a, 2)
			if job := <-f.began; !slices.Contains([]string{"price"}, job.Model.Name) {
				t.Errorf("learnt %s", job.Model.Name)
			}
			if len(f.began) != 0 {
				t.Error("something was learnt again")
			}
			if all := a.Check(t.Context()); !slices.ContainsFunc(all, func(f app.Finding) bool { return f.Name == "ledger" && f.OK }) {
				t.Errorf("doctor finds %+v", all)
			}
		})
	}
}

// doctor says what a lost or older Redis lacks before anybody mends it.
func TestDoctorComparesRedisWithS3(t *testing.T) {
	t.Parallel()
	a := opened(t)
	insert(t, a, "one")
	restore := saved(t, a)
	insert(t, a, "two")
	made(t, a, 1, retrain.Published)
	ledger := func() app.Finding {
		t.Helper()
		all := a.Check(t.Context())
		i := slices.IndexFunc(all, func(f app.Finding) bool { return f.Name == "ledger" })
		return all[i]
	}
	restore()
	want := "price: Redis is of an older time than S3, which has run price-1; price: 1 batches are stored and not counted yet"
	if f := ledger(); f.OK || f.Detail != want {
		t.Errorf("found %+v, want %s", f, want)
	}
	if err := a.Redis.Redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if f := ledger(); f.OK || f.Detail != "price: its state is lost: the next sweep rebuilds it from S3" {
		t.Errorf("found %+v", f)
	}
	if err := a.Sweeper.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f := ledger(); !f.OK {
		t.Errorf("after the sweep: %+v", f)
	}
}
