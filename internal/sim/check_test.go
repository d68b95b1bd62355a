package sim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"retrain"
	"retrain/s3io"
	"retrain/tasks/taskstest"
)

// A vault is the bucket, and checks at every write what must always hold.
type vault struct {
	*s3io.Memory
	*world
	runs      map[string]map[int]*written // by model and number
	champions map[string]retrain.Champion
	logged    map[string]bool  // batches that were stored
	absorbed  map[int][]string // batches by absorption
}

// A written is what was written of a run.
type written struct {
	request      retrain.Run
	start        *retrain.Start
	result       *retrain.Result
	began, ended time.Time // by the true clock
	by           string
	weights      string // that follow from its data
	rows         int
}

func (v *vault) put(ctx context.Context, n *node, key string, body []byte, cond s3io.Cond) (s3io.ETag, error) {
	_, _, err := v.Get(ctx, key)
	existed := err == nil
	e, err := v.Put(ctx, key, body, cond)
	if err != nil {
		return e, err
	}
	parts := strings.Split(key, "/")
	if parts[len(parts)-1] == "tally.json" {
		return e, nil // check compares it with the runs
	}
	if parts[0] != "models" {
		v.filed(key, existed)
		return e, nil
	}
	model, file := parts[1], parts[len(parts)-1]
	switch {
	case parts[2] == "champion.json":
		v.moved(model, body)
	case existed && (parts[2] == "history" || parts[2] == "runs" || file == "manifest.json"):
		v.brokenf("%s was written twice", key)
	case parts[2] == "runs" && file == fmt.Sprintf("%08d", fitSlices):
		v.cancelNow(model)
	case parts[2] == "runs" && !strings.Contains(key, "/checkpoints/"):
		number, err := strconv.Atoi(strings.TrimLeft(parts[3], "0"))
		if err != nil {
			v.brokenf("%s: %v", key, err)
		}
		v.wrote(n, model, number, file, body)
	}
	return e, nil
}

// filed: what belongs to a resource is written once, but for its index.
func (v *vault) filed(key string, existed bool) {
	if existed && !strings.HasSuffix(key, "/index.json") {
		v.brokenf("%s was written twice", key)
	}
	if batch, ok := strings.CutPrefix(key, "resources/items/log/"); ok {
		if v.logged == nil {
			v.logged = make(map[string]bool)
		}
		v.logged[strings.TrimSuffix(batch, ".jsonl.zst")] = true
	}
}

// cancelNow has somebody cancel a run, once in a while, which is about to be published.
func (v *vault) cancelNow(model string) {
	if n := v.alive("producer-2"); n != nil && v.quiet.Err() == nil && v.random.IntN(15) == 0 {
		v.at.Go(func() { n.cancelOne(model) })
	}
}

// remove: no version goes that serves, or did before, or that an open run must beat.
func (v *vault) remove(ctx context.Context, key string) error {
	if parts := strings.Split(key, "/"); parts[0] == "models" && parts[2] == "versions" && parts[4] == "manifest.json" {
		model := parts[1]
		number, err := strconv.Atoi(parts[3])
		if c := v.champions[model]; err != nil || number == c.Version || number == c.Previous {
			v.brokenf("version %s-%s is removed, the champion is %+v", model, parts[3], c)
		}
		for other, r := range v.runs[model] {
			if r.start != nil && r.result == nil && r.start.Champion == number {
				v.brokenf("version %s-%d is removed, which %s-%d must beat", model, number, model, other)
			}
		}
	}
	for model, runs := range v.runs {
		for number, r := range runs {
			if r.start != nil && r.result == nil && v.named(&r.start.Dataset, key) {
				v.brokenf("%s is removed, which %s-%d reads", key, model, number)
			}
		}
	}
	return v.Delete(ctx, key)
}

// named reports whether a data set needs an object. What the log had is read from its pack then.
func (v *vault) named(d *retrain.Dataset, key string) bool {
	if strings.HasPrefix(key, "resources/items/log/") {
		return false
	}
	_, _, err := v.Get(context.Background(), key)
	return err == nil && slices.ContainsFunc(d.Objects, func(o retrain.DataObject) bool { return o.Key == key || o.Without == key })
}

// moved: the pointer goes forward by one.
func (v *vault) moved(model string, body []byte) {
	var c retrain.Champion
	if err := json.Unmarshal(body, &c); err != nil {
		v.brokenf("champion of %s: %v", model, err)
	}
	was := v.champions[model]
	if c.Sequence != was.Sequence+1 || c.Highest < was.Highest || c.Version == was.Version && c.Highest == was.Highest || c.Version == c.Previous {
		v.brokenf("the champion of %s went from %+v to %+v", model, was, c)
	}
	v.champions[model] = c
}

func (v *vault) wrote(n *node, model string, number int, file string, body []byte) {
	if v.runs[model] == nil {
		v.runs[model] = make(map[int]*written)
	}
	runs := v.runs[model]
	var err error
	switch file {
	case "request.json":
		r := &written{by: n.name}
		err = json.Unmarshal(body, &r.request)
		v.requested(model, number, r)
		runs[number] = r
	case "dataset.json":
		runs[number].start, runs[number].began = new(retrain.Start), time.Now()
		err = json.Unmarshal(body, runs[number].start)
		v.learns(model, runs[number])
		for other, r := range runs {
			if other != number && r.start != nil && r.result == nil {
				v.brokenf("%s-%d began while %s-%d was at work", model, number, model, other)
			}
		}
	case "result.json":
		runs[number].result, runs[number].ended = new(retrain.Result), time.Now()
		err = json.Unmarshal(body, runs[number].result)
	}
	if err != nil {
		v.brokenf("%s-%d: %s: %v", model, number, file, err)
	}
}

// learns notes what weights a run's data make, as long as they are there.
func (v *vault) learns(model string, r *written) {
	weights, rows, err := begin(model, (&s3io.Records{Bucket: v.Memory}).Tables(context.Background(), r.start.Dataset))
	if err != nil {
		v.brokenf("%s: the data of its run: %v", model, err)
	}
	for slice := range fitSlices {
		weights = learn(weights, slice)
	}
	r.weights, r.rows = weights, rows
}

// requested: only one run waits, and one that nobody asked for has something to learn, and waited after a failure.
func (v *vault) requested(model string, number int, r *written) {
	for other, was := range v.runs[model] {
		if was.start == nil && was.result == nil {
			v.brokenf("%s-%d was requested while %s-%d waits", model, number, model, other)
		}
	}
	if r.request.Reason != retrain.ByInserts {
		return
	}
	m := v.model(model)
	if left := v.left(m); left < m.TrainAfterInserts {
		v.brokenf("%s-%d was requested by inserts, and %d rows are new, of %d", model, number, left, m.TrainAfterInserts)
	}
	v.patient(model, number)
}

// patient: after a failure a run is requested when the back-off is over. One that was requested before the failure was known is
// another matter.
func (v *vault) patient(model string, number int) {
	last := v.runs[model][number-1]
	if v.jumps || v.harmed || last == nil || last.result == nil || last.result.Error == nil || last.result.Error.Code != retrain.TrainingError {
		return
	}
	if s, err := v.stateOf(model); err != nil || s.Running != 0 || s.Failures == 0 {
		return
	}
	if waited := time.Since(last.result.EndedAt); waited < retrain.Backoff(1) {
		v.brokenf("%s-%d was requested %v after a failure", model, number, waited)
	}
}

func (v *vault) model(name string) *retrain.Model {
	for _, m := range models() {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// left returns the rows that a model accepts and that no run has learnt or is learning.
func (v *vault) left(m *retrain.Model) (rows int) {
	seen := make(map[string]bool)
	for _, r := range v.runs[m.Name] {
		if r.start != nil && (r.result == nil || r.result.State == retrain.Published || r.result.State == retrain.Rejected) {
			for _, batch := range v.seenBy(r.start.Dataset) {
				seen[batch] = true
			}
		}
	}
	for batch, records := range v.stored() {
		if !seen[batch] {
			n, _ := accepts(m, records)
			rows += n
		}
	}
	return rows
}

// seenBy returns the batches of a data set, those that were absorbed one by one.
func (v *vault) seenBy(d retrain.Dataset) (batches []string) {
	if v.absorbed == nil {
		v.absorbed = make(map[int][]string)
	}
	for n := 1; n <= d.Absorbed; n++ {
		if v.absorbed[n] == nil {
			var err error
			if v.absorbed[n], err = (&s3io.Records{Bucket: v.Memory}).Absorbed(context.Background(), items.Name, n); err != nil {
				v.brokenf("absorption %d: %v", n, err)
			}
		}
		batches = append(batches, v.absorbed[n]...)
	}
	d.Absorbed = 0 // the others
	return append(batches, d.Batches()...)
}

// stored returns all batches that were stored.
func (v *vault) stored() map[string][]retrain.Record {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := make(map[string][]retrain.Record)
	for batch := range v.logged {
		all[batch] = v.sent[batch]
	}
	return all
}

// resting returns what is left to do.
func (w *world) resting() error {
	var errs []error
	for _, m := range models() {
		for number, r := range w.vault.runs[m.Name] {
			if r.result == nil {
				errs = append(errs, fmt.Errorf("%s-%d has no verdict", m.Name, number))
			}
		}
		s, err := w.stateOf(m.Name)
		left := w.vault.left(m)
		switch {
		case err != nil:
			errs = append(errs, err)
		case left-s.SetAside >= m.TrainAfterInserts && left >= s.Needs && s.Failures == 0:
			errs = append(errs, fmt.Errorf("%s: %d rows are left", m.Name, left))
		case s.Inserted != left:
			errs = append(errs, fmt.Errorf("%s: %d rows are counted, %d are left", m.Name, s.Inserted, left))
		case s.Running != 0 || s.Queued != 0:
			errs = append(errs, fmt.Errorf("%s: the ledger has an open run: %+v", m.Name, s))
		}
		if served, is := w.live.Version(m.Name), w.vault.champions[m.Name].Version; served != is {
			errs = append(errs, fmt.Errorf("%s: version %d is served, %d is champion", m.Name, served, is))
		}
	}
	return errors.Join(errs...)
}

func (w *world) stateOf(model string) (retrain.State, error) {
	return (&taskstest.Ledger{Server: w.redis, Now: time.Now}).State(context.Background(), model)
}

// check checks all that S3 tells, at the end.
func (w *world) check() {
	places := w.readAll()
	for id, batch := range w.acked {
		if places[id] != 1 {
			w.brokenf("row %s of batch %s is %d times there", id, batch, places[id])
		}
	}
	registry := &s3io.Registry{Bucket: w.vault.Memory}
	for _, m := range models() {
		if _, err := registry.History(context.Background(), m.Name); err != nil {
			w.brokenf("history of %s: %v", m.Name, err)
		}
		w.checkTally(m.Name)
		for number, r := range w.vault.runs[m.Name] {
			w.checkRun(registry, retrain.RunID{Model: m.Name, Number: number}, r)
		}
	}
}

// readAll returns how often each row is read that is stored.
func (w *world) readAll() map[string]int {
	places := make(map[string]int)
	log := &s3io.Records{Bucket: w.vault.Memory}
	data, err := log.Snapshot(context.Background(), items, nil)
	if err != nil {
		w.brokenf("%v", err)
	}
	for t, err := range log.Tables(context.Background(), data) {
		if err != nil {
			w.brokenf("%v", err)
			break
		}
		for r := range t.Records() {
			places[r.ID()]++
		}
	}
	w.absorbed += data.Absorbed
	return places
}

// checkTally: whoever counts the runs by their tally comes to what they are.
func (w *world) checkTally(model string) {
	var want retrain.Tally
	for _, number := range slices.Sorted(maps.Keys(w.vault.runs[model])) {
		want.After(w.vault.runs[model][number].result)
	}
	got, err := (&s3io.Runs{Bucket: w.vault.Memory}).Tally(context.Background(), model)
	if err != nil || !reflect.DeepEqual(got, want) {
		w.brokenf("%s: the tally is %+v, %v, its runs are %+v", model, got, err, want)
	}
}

// mayBeGone reports whether a version may have been removed: a later one is there, and it does not serve.
func (w *world) mayBeGone(id retrain.RunID) bool {
	later := 0
	for number, r := range w.vault.runs[id.Model] {
		if number > id.Number && r.result != nil && r.result.Version != 0 {
			later++
		}
	}
	c := w.vault.champions[id.Model]
	wentBack := c.Why == "version was removed" // somebody promoted it just then
	return later > 0 && id.Model != "clock" && c.Version != id.Number && (c.Previous != id.Number || wentBack)
}

// checkRun: a version is what its data make of it, however often it was interrupted, and is there when the verdict says so.
func (w *world) checkRun(registry *s3io.Registry, id retrain.RunID, r *written) {
	mf, err := registry.Manifest(context.Background(), id.Model, id.Number)
	if r.result.State == retrain.Cancelled { // its worker may have been about to publish: then the version is there, and serves nobody
		if c := w.vault.champions[id.Model]; c.Highest == id.Number {
			w.brokenf("%s was cancelled, and became champion: %+v", id, c)
		}
		return
	}
	if err != nil && w.mayBeGone(id) {
		return
	}
	if there := err == nil; there != (r.result.Version != 0) {
		w.brokenf("version %s: there %v, the verdict says %d", id, there, r.result.Version)
	}
	if r.result.State == retrain.Failed && r.result.Error.Code != retrain.InsufficientDataError && r.result.Error.Code != retrain.TrainingError {
		w.brokenf("%s failed: %v", id, r.result.Error)
	}
	if r.result.State == retrain.Published && w.vault.champions[id.Model].Highest < id.Number {
		w.brokenf("%s is published, the champion came to %+v", id, w.vault.champions[id.Model])
	}
	if err != nil {
		return
	}
	key := "models/" + id.Model + "/versions/" + strconv.Itoa(id.Number) + "/saved_model.pb"
	b, _, err := w.vault.Get(context.Background(), key)
	sum := sha256.Sum256(b)
	if err != nil || string(b) != r.weights || mf.Fit.Samples != r.rows || mf.Files["saved_model.pb"].SHA256 != hex.EncodeToString(sum[:]) {
		w.brokenf("version %s: %s of %d rows, %v; its data make %s of %d; %+v", id, b, mf.Fit.Samples, err, r.weights, r.rows, mf.Files)
	}
}
