package s3io_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"retrain"
	"retrain/s3io"
)

var savedModel = fstest.MapFS{
	"saved_model.pb":                          {Data: []byte("graph")},
	"keras_metadata.pb":                       {Data: []byte("metadata")},
	"variables/variables.data-00000-of-00001": {Data: []byte("weights")},
	"variables/variables.index":               {Data: []byte("index")},
	"assets/empty":                            {Data: nil},
}

func manifest(version int) retrain.Manifest {
	return retrain.Manifest{Format: 1, Model: "price", Version: version, RequestedAt: begin, Reason: retrain.ByHand,
		Fit: retrain.Fit{Preparation: json.RawMessage("{}"), Details: json.RawMessage("{}")}}
}

func publish(t testing.TB, r *s3io.Registry, version int) retrain.Manifest {
	t.Helper()
	mf, err := r.Publish(t.Context(), manifest(version), savedModel)
	if err != nil {
		t.Fatal(err)
	}
	return mf
}

// wantComplete fetches a version and compares it with what was published.
func wantComplete(t *testing.T, r *s3io.Registry, version int, files fs.FS) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "version")
	v, err := r.Fetch(t.Context(), "price", version, dir)
	if err != nil {
		t.Fatal(err)
	}
	if v.Dir != dir || v.Manifest.Version != version {
		t.Errorf("got %q with the manifest of %d", v.Dir, v.Manifest.Version)
	}
	got := make(map[string]string)
	want := map[string]string{}
	read := func(all map[string]string, files fs.FS) {
		err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || name == "manifest.json" {
				return err
			}
			body, err := fs.ReadFile(files, name)
			all[name] = string(body)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	read(got, os.DirFS(dir))
	read(want, files)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPublish(t *testing.T) {
	var puts []string
	b := open(t, gateway(t))
	r := &s3io.Registry{Bucket: &s3io.Faulty{Bucket: b, After: func(op s3io.Op, key string) error {
		if op == s3io.OpPut {
			puts = append(puts, strings.TrimPrefix(key, "models/price/versions/7/"))
		}
		return nil
	}}}
	mf := publish(t, r, 7)
	want := []string{"assets/empty", "keras_metadata.pb", "variables/variables.data-00000-of-00001", "variables/variables.index", "saved_model.pb", "manifest.json"}
	if !slices.Equal(puts, want) {
		t.Errorf("written were %q, want %q", puts, want)
	}
	graph := retrain.File{Size: 5, SHA256: "eef93e1d14482804277fca0172464032d1a4fdbcc338524059fa1e861454ad4d"}
	if got := mf.Files["saved_model.pb"]; got != graph || len(mf.Files) != 5 {
		t.Errorf("got %+v", mf.Files)
	}
	wantComplete(t, r, 7, savedModel)

	puts = nil
	other := manifest(7)
	other.Reason = retrain.ByInserts
	again, err := r.Publish(t.Context(), other, fstest.MapFS{"saved_model.pb": {Data: []byte("other")}})
	if err != nil || again.Reason != retrain.ByHand || len(puts) != 0 {
		t.Errorf("again: got %+v, %v, and %q written", again, err, puts)
	}
	wantComplete(t, r, 7, savedModel)
	stored, err := r.Manifest(t.Context(), "price", 7)
	if err != nil || !reflect.DeepEqual(stored, mf) {
		t.Errorf("got %+v, %v, want %+v", stored, err, mf)
	}
	if _, err := r.Manifest(t.Context(), "price", 8); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("got %v", err)
	}
}

// TestPublishInterrupted breaks a publish at each of its calls, before and after the call has happened, and lets another worker
// repeat it, with the same files or others.
func TestPublishInterrupted(t *testing.T) {
	crash := errors.New("crash")
	others := fstest.MapFS{"saved_model.pb": {Data: []byte("other graph")}, "variables/variables.index": {Data: []byte("other index")}}
	for _, second := range []fstest.MapFS{savedModel, others} {
		for _, happened := range []bool{false, true} {
			for at := 1; ; at++ {
				var memory s3io.Memory
				calls := 0
				fault := func(s3io.Op, string) error {
					if calls++; calls == at {
						return crash
					}
					return nil
				}
				faulty := &s3io.Faulty{Bucket: &memory, Before: fault}
				if happened {
					faulty = &s3io.Faulty{Bucket: &memory, After: fault}
				}
				_, err := (&s3io.Registry{Bucket: faulty}).Publish(t.Context(), manifest(1), savedModel)
				r := &s3io.Registry{Bucket: &memory}
				_, unpublished := r.Manifest(t.Context(), "price", 1)
				mf, err2 := r.Publish(t.Context(), manifest(1), second)
				if err2 != nil {
					t.Fatalf("crash at call %d, then: %v", at, err2)
				}
				want := second
				if unpublished == nil {
					want = savedModel // the first had finished
				}
				if len(mf.Files) != len(want) {
					t.Errorf("crash at call %d: %d files, want %d", at, len(mf.Files), len(want))
				}
				wantComplete(t, r, 1, want)
				if err == nil {
					break // no call was left to break
				}
			}
		}
	}
}

// TestLatePublisherChangesNothing lets one worker publish while another, with other files, is held before each of its writes.
func TestLatePublisherChangesNothing(t *testing.T) {
	others := fstest.MapFS{}
	for name := range savedModel {
		others[name] = &fstest.MapFile{Data: []byte("late " + name)}
	}
	for at := 1; at <= len(savedModel)+1; at++ {
		var memory s3io.Memory
		r := &s3io.Registry{Bucket: &memory}
		puts := 0
		late := &s3io.Registry{Bucket: &s3io.Faulty{Bucket: &memory, Before: func(op s3io.Op, _ string) error {
			if op == s3io.OpPut {
				if puts++; puts == at {
					publish(t, r, 1)
				}
			}
			return nil
		}}}
		if _, err := late.Publish(t.Context(), manifest(1), others); err != nil {
			t.Errorf("held at write %d: %v", at, err)
		}
		wantComplete(t, r, 1, savedModel)
	}
}

func TestFetchRefusesWhatIsDamaged(t *testing.T) {
	for name, damage := range map[string]func(b s3io.Bucket) error{
		"a byte": func(b s3io.Bucket) error {
			_, err := b.Put(t.Context(), "models/price/versions/1/saved_model.pb", []byte("graqh"), s3io.Always)
			return err
		},
		"a cut": func(b s3io.Bucket) error {
			_, err := b.Put(t.Context(), "models/price/versions/1/saved_model.pb", []byte("gra"), s3io.Always)
			return err
		},
		"a file is missing": func(b s3io.Bucket) error {
			return b.Delete(t.Context(), "models/price/versions/1/variables/variables.index")
		},
		"the manifest is cut": func(b s3io.Bucket) error {
			_, err := b.Put(t.Context(), "models/price/versions/1/manifest.json", []byte(`{"format":`), s3io.Always)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &s3io.Registry{Bucket: new(s3io.Memory)}
			publish(t, r, 1)
			if err := damage(r.Bucket); err != nil {
				t.Fatal(err)
			}
			_, err := r.Fetch(t.Context(), "price", 1, t.TempDir())
			if !errors.Is(err, retrain.DataValidationError) && !errors.Is(err, retrain.NotFoundError) || !strings.Contains(err.Error(), "models/price/versions/1/") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestFetchStaysInItsFolder(t *testing.T) {
	for _, name := range []string{"../evil", "/etc/evil", "a/../../evil", ""} {
		r := &s3io.Registry{Bucket: new(s3io.Memory)}
		body := fmt.Sprintf(`{"format":1,"model":"price","version":1,"files":{%q:{"size":0,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}}`, name)
		for key, body := range map[string]string{"manifest.json": body, name: ""} {
			if _, err := r.Bucket.Put(t.Context(), "models/price/versions/1/"+key, []byte(body), s3io.Always); err != nil {
				t.Fatal(err)
			}
		}
		dir := t.TempDir()
		if _, err := r.Fetch(t.Context(), "price", 1, filepath.Join(dir, "a", "b")); !errors.Is(err, retrain.DataValidationError) {
			t.Errorf("%q: got %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "evil")); err == nil {
			t.Errorf("%q was written", name)
		}
	}
}

func TestVersions(t *testing.T) {
	r := &s3io.Registry{Bucket: new(s3io.Memory)}
	for _, n := range []int{1, 2, 10, 9} {
		publish(t, r, n)
	}
	for _, key := range []string{"models/price/versions/11/saved_model.pb", "models/price/versions/x/manifest.json", "models/pricey/versions/3/manifest.json"} {
		if _, err := r.Bucket.Put(t.Context(), key, []byte("{}"), s3io.Always); err != nil {
			t.Fatal(err)
		}
	}
	versions, err := r.Versions(t.Context(), "price")
	got := []int{}
	for _, mf := range versions {
		got = append(got, mf.Version)
	}
	if want := []int{10, 9, 2, 1}; !slices.Equal(got, want) || err != nil {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if versions, err := r.Versions(t.Context(), "nobody"); len(versions) != 0 || err != nil {
		t.Errorf("got %v, %v", versions, err)
	}
}

func next(version int) func(retrain.Champion) (retrain.Champion, bool) {
	return func(c retrain.Champion) (retrain.Champion, bool) {
		return c.Next(version, begin.Add(time.Duration(version)), "test")
	}
}

func TestChampion(t *testing.T) {
	r := &s3io.Registry{Bucket: open(t, gateway(t))}
	stay := func(c retrain.Champion) (retrain.Champion, bool) { return c, false }
	if _, err := r.Champion(t.Context(), "price"); !errors.Is(err, retrain.ModelNotTrainedError) {
		t.Errorf("got %v", err)
	}
	if _, err := r.MoveChampion(t.Context(), "price", stay); !errors.Is(err, retrain.ModelNotTrainedError) {
		t.Errorf("got %v", err)
	}
	if _, err := r.MoveChampion(t.Context(), "price", next(1)); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("to a version that isn't published: got %v", err)
	}
	for n := range 3 {
		publish(t, r, n+1)
	}
	for _, n := range []int{1, 3, 2} { // 2 comes too late
		if _, err := r.MoveChampion(t.Context(), "price", next(n)); err != nil {
			t.Fatal(err)
		}
	}
	want := retrain.Champion{Model: "price", Version: 3, Previous: 1, Sequence: 2, Highest: 3, At: begin.Add(3), Why: "test"}
	if got, err := r.Champion(t.Context(), "price"); got != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	back, err := r.MoveChampion(t.Context(), "price", func(c retrain.Champion) (retrain.Champion, bool) { return c.Moved(1, begin, "rollback") })
	if back.Version != 1 || back.Previous != 3 || back.Sequence != 3 || err != nil {
		t.Errorf("got %+v, %v", back, err)
	}
	history, err := r.History(t.Context(), "price")
	if err != nil || len(history) != 3 || history[1] != want || history[2] != back {
		t.Errorf("got %+v, %v", history, err)
	}
	if history, err := r.History(t.Context(), "nobody"); len(history) != 0 || err != nil {
		t.Errorf("got %v, %v", history, err)
	}
}

func TestChampionOfManyPublishers(t *testing.T) {
	r := &s3io.Registry{Bucket: open(t, gateway(t))}
	const n = 16
	for i := range n {
		publish(t, r, i+1)
	}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if _, err := r.MoveChampion(t.Context(), "price", next(i+1)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	c, err := r.Champion(t.Context(), "price")
	if c.Version != n || c.Highest != n || err != nil {
		t.Errorf("got %+v, %v", c, err)
	}
	history, err := r.History(t.Context(), "price")
	if err != nil || len(history) != c.Sequence {
		t.Fatalf("%d moves are remembered, %v, want %d", len(history), err, c.Sequence)
	}
	for i := range history[1:] {
		if history[i].Version >= history[i+1].Version || history[i+1].Previous != history[i].Version {
			t.Errorf("move %d goes from %+v to %+v", i+2, history[i], history[i+1])
		}
	}
}

// TestMoveInterrupted breaks a move at each of its calls; whoever moves next completes the history.
func TestMoveInterrupted(t *testing.T) {
	crash := errors.New("crash")
	for _, happened := range []bool{false, true} {
		for at := 1; ; at++ {
			r := &s3io.Registry{Bucket: new(s3io.Memory)}
			for n := range 4 {
				publish(t, r, n+1)
			}
			move := func(r *s3io.Registry, n int) error {
				_, err := r.MoveChampion(t.Context(), "price", next(n))
				return err
			}
			if err := move(r, 1); err != nil {
				t.Fatal(err)
			}
			calls := 0
			faulty := &s3io.Faulty{Bucket: r.Bucket}
			fault := func(s3io.Op, string) error {
				if calls++; calls == at {
					return crash
				}
				return nil
			}
			if happened {
				faulty.After = fault
			} else {
				faulty.Before = fault
			}
			err := move(&s3io.Registry{Bucket: faulty}, 2)
			if _, err := r.History(t.Context(), "price"); err != nil {
				t.Errorf("crash at call %d: %v", at, err)
			}
			for _, n := range []int{2, 3, 4} { // 2 again
				if err := move(r, n); err != nil {
					t.Fatalf("crash at call %d: %v", at, err)
				}
			}
			history, historyErr := r.History(t.Context(), "price")
			if historyErr != nil || len(history) != 4 || history[3].Version != 4 {
				t.Errorf("crash at call %d: got %+v, %v", at, history, historyErr)
			}
			if err == nil {
				break
			}
		}
	}
}

func TestHistoryIsVerified(t *testing.T) {
	r := &s3io.Registry{Bucket: new(s3io.Memory)}
	for n := range 3 {
		publish(t, r, n+1)
		if _, err := r.MoveChampion(t.Context(), "price", next(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	const key = "models/price/history/00000002.json"
	body, _, err := r.Bucket.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	forged := strings.Replace(string(body), `"why": "test"`, `"why": "rest"`, 1)
	if _, err := r.Bucket.Put(t.Context(), key, []byte(forged), s3io.Always); err != nil {
		t.Fatal(err)
	}
	if _, err := r.History(t.Context(), "price"); !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), "move 2") {
		t.Errorf("forged: got %v", err)
	}
	if err := r.Bucket.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := r.History(t.Context(), "price"); !errors.Is(err, retrain.DataValidationError) {
		t.Errorf("deleted: got %v", err)
	}
}

func TestNamesStayInTheirFolder(t *testing.T) {
	b := new(s3io.Memory)
	r := &s3io.Registry{Bucket: b}
	for _, name := range []string{"../../evil", "a/b", "..", "."} {
		mf := manifest(1)
		mf.Model = name
		if _, err := r.Publish(t.Context(), mf, savedModel); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Versions(t.Context(), name); len(got) != 1 || err != nil {
			t.Errorf("%q: got %v, %v", name, got, err)
		}
	}
	for o, err := range b.List(t.Context(), s3io.Listing{}) {
		if parts := strings.Split(o.Key, "/"); err != nil || parts[0] != "models" || parts[2] != "versions" || parts[1] == ".." || parts[1] == "." {
			t.Errorf("%q, %v", o.Key, err)
		}
	}
}
