package app_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/testenv"
	"retrain/s3io"
)

func keys(t *testing.T, a *app.App, prefix string) (all []string) {
	t.Helper()
	for o, err := range a.Bucket.List(t.Context(), s3io.Listing{Prefix: prefix}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.TrimPrefix(o.Key, prefix))
	}
	return all
}

// What was disposed of is gone, but for its records and its history; declared anew, the model goes on with its numbers.
func TestDispose(t *testing.T) {
	t.Parallel()
	a := opened(t)
	specs, err := a.Specs.Specs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	insert(t, a, "one")
	made(t, a, 1, retrain.Published)
	made(t, a, 2, retrain.Published)
	f := learns(t, a)
	if _, err := a.Sweeper.CatchUp(t.Context(), specs.Models[0], 0); err != nil { // nobody has told Redis of the two
		t.Fatal(err)
	}
	id := train(t, a)
	<-f.began
	d, err := a.Dispose(t.Context(), "price")
	if err != nil || d.Done {
		t.Errorf("while a worker is at it: %+v, %v", d, err)
	}
	if _, err := a.Status(t.Context(), "price"); !errors.Is(err, retrain.ModelNotFoundError) {
		t.Errorf("status: %v, want a ModelNotFoundError", err)
	}
	if _, _, err := a.Specs.Apply(t.Context(), specs); !errors.Is(err, retrain.ConflictError) {
		t.Errorf("declared anew too soon: %v, want a ConflictError", err)
	}
	testenv.Eventually(t, 15*time.Second, func() error {
		a.Catalog.Forget()
		if err := a.Clear(t.Context()); err != nil {
			return err
		}
		if got := keys(t, a, "models/price/"); strings.Join(got, " ") != "champion.json history/00000001.json history/00000002.json history/00000003.json" {
			return errors.New(strings.Join(got, " "))
		}
		return nil
	})
	if got, err := a.Redis.Redis.Keys(t.Context(), "retrain:{price}*").Result(); err != nil || len(got) > 1 { // the revoked lease
		t.Errorf("left in Redis: %v, %v", got, err)
	}
	if got := keys(t, a, "resources/products/log/"); len(got) != 1 {
		t.Errorf("its records: %v", got)
	}
	if _, _, err := a.Specs.Apply(t.Context(), specs); err != nil {
		t.Fatal(err)
	}
	a.Catalog.Forget()
	if st := status(t, a); st.Trained || st.InsertsSinceTraining != 2 || st.State != retrain.ModelUntrained {
		t.Errorf("declared anew: %+v", st)
	}
	if again := train(t, a); again.Number != id.Number+1 {
		t.Errorf("its first run is %s, want the number after %s", again, id)
	}
	if _, err := a.Rollback(t.Context(), "price", 1); !errors.Is(err, retrain.ModelNotTrainedError) {
		t.Errorf("rollback: %v", err)
	}
	if _, err := a.Dispose(t.Context(), "nobody"); !errors.Is(err, retrain.ModelNotFoundError) {
		t.Errorf("no such model: %v", err)
	}
}
