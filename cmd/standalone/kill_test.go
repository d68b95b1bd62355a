package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"retrain"
)

const (
	quick  = "  price: {type: regression, resource: products, features: [cost], target: price, modelConfig: {epochs: 100, learningRate: 0.05}"
	slow   = "  price: {type: regression, resource: products, features: [cost], target: price, modelConfig: {epochs: 15000, batchSize: 8, learningRate: 0.001}"
	byHand = "}\n"
)

// Killed while it starts, for the first time and again, it starts the next time.
func TestKilledWhileStarting(t *testing.T) {
	p := standalone(t, quick+byHand)
	random := rand.New(rand.NewPCG(5, 6))
	for range 3 {
		p.kill()
		if err := os.RemoveAll(filepath.Join(p.dir, "data")); err != nil && !errors.Is(err, syscall.ENOTEMPTY) { // its Redis may still write
			t.Fatal(err)
		}
		for range 4 {
			p.launch()
			<-p.killedAfter(time.Duration(random.IntN(600)) * time.Millisecond)
		}
		p.start()
		if err := p.insert(0, 1); err != nil {
			t.Fatal(err)
		}
	}
}

// Killed between inserts and in the middle of them, every acknowledged record is counted once, and learnt.
func TestKilledBetweenInserts(t *testing.T) {
	const batches, rows = 100, 5
	p := standalone(t, quick+byHand)
	random := rand.New(rand.NewPCG(1, 2))
	died := p.killedAfter(0)
	for batch := range batches {
		longer := time.Millisecond                        // each time that nothing was acknowledged: a busy machine needs its time
		for ; p.insert(batch, rows) != nil; longer *= 2 { // it is killed while this insert or one before is on its way
			<-died
			p.start()
			died = p.killedAfter(time.Duration(20+random.IntN(100)) * longer)
		}
	}
	<-died
	p.start()
	for batch := range batches { // a client that does not know what was acknowledged sends everything again
		if err := p.insert(batch, rows); err != nil {
			t.Fatal(err)
		}
	}
	p.awaitStatus("all counted", func(s retrain.ModelStatus) bool { return s.InsertsSinceTraining == batches*rows })
	p.train()
	p.awaitStatus("trained", func(s retrain.ModelStatus) bool {
		return s.State == retrain.ModelTrained && s.InsertsSinceTraining == 0
	})
	if got := p.runs()[0]; got.State != retrain.Published || got.Samples != batches*rows {
		t.Errorf("got %+v, want %d samples", got, batches*rows)
	}
	p.predictsWell(1)
}

// killedAfter kills the program soon, and closes what it returns then.
func (p *process) killedAfter(d time.Duration) <-chan struct{} {
	died := make(chan struct{})
	time.AfterFunc(d, func() { p.kill(); close(died) })
	return died
}

// Killed during a training, the same run goes on after the restart, and is the only one.
func TestKilledDuringTraining(t *testing.T) {
	p := standalone(t, slow+byHand)
	if err := p.insert(0, 200); err != nil {
		t.Fatal(err)
	}
	run := p.train()
	p.awaitStatus("in the middle", func(s retrain.ModelStatus) bool { return s.Run != nil && s.Run.CurrentEpoch > 0 })
	p.kill()
	p.start()
	if s := p.awaitStatus("known", func(s retrain.ModelStatus) bool { return s.Run != nil }); s.Run.Run != run {
		t.Errorf("after the restart: got run %s, want %s", s.Run.Run, run)
	}
	p.trainedOnce(run)
}

// Told to end during a training, it is gone within seconds, and the run goes on after the restart.
func TestStoppedDuringTraining(t *testing.T) {
	p := standalone(t, slow+byHand)
	if err := p.insert(0, 200); err != nil {
		t.Fatal(err)
	}
	run := p.train()
	p.awaitStatus("in the middle", func(s retrain.ModelStatus) bool { return s.Run != nil && s.Run.CurrentEpoch > 0 })
	if took := p.stop(); took > 8*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	p.start()
	p.trainedOnce(run)
}

// Killed right after publishing, the version answers after the restart, and nothing is trained again.
func TestKilledAfterPublishing(t *testing.T) {
	p := standalone(t, quick+", autoTrain: true, trainAfterInserts: 100"+byHand)
	if err := p.insert(0, 100); err != nil {
		t.Fatal(err)
	}
	p.awaitStatus("published", func(s retrain.ModelStatus) bool { return s.Version == 1 })
	p.kill()
	p.start()
	p.trainedOnce("price-1")
}

// trainedOnce waits for the end of the only run.
func (p *process) trainedOnce(run string) {
	p.Helper()
	p.awaitStatus("trained", func(s retrain.ModelStatus) bool {
		return s.State == retrain.ModelTrained && s.InsertsSinceTraining == 0
	})
	p.predictsWell(1)
	runs := p.runs()
	if len(runs) != 1 || runs[0].Run != run || runs[0].State != retrain.Published {
		p.Errorf("got runs %+v, want %s alone, published", runs, run)
	}
}

// On a machine without redis-server it says so loudly, and forgets nothing all the same.
func TestWithoutRedisServer(t *testing.T) {
	p := standalone(t, quick+", autoTrain: true, trainAfterInserts: 100"+byHand, "PATH=/nowhere")
	for batch := range 3 {
		if err := p.insert(batch, 50); err != nil {
			t.Fatal(err)
		}
	}
	idle := func(s retrain.ModelStatus) bool { return s.State == retrain.ModelTrained }
	before := p.awaitStatus("trained", idle)
	p.kill()
	if !strings.Contains(p.log.String(), "NO redis-server") {
		t.Errorf("got no warning in\n%s", p.log)
	}
	p.start()
	after := p.awaitStatus("trained", idle)
	if after.InsertsSinceTraining != before.InsertsSinceTraining || after.Version != before.Version {
		t.Errorf("after the restart: got %+v, want %+v", after, before)
	}
	p.predictsWell(before.Version)
}

// Killed again and again at any moment while records come and trainings follow, it ends up with all of them learnt.
func TestKilledAtAnyMoment(t *testing.T) {
	const kills, rows, enough = 6, 10, 60
	p := standalone(t, quick+", autoTrain: true, trainAfterInserts: 60"+byHand)
	random := rand.New(rand.NewPCG(3, 4))
	batch := 0
	for range kills {
		died := p.killedAfter(time.Duration(random.IntN(1500)) * time.Millisecond)
		for ; p.insert(batch, rows) == nil && batch%500 != 499; batch++ { // the last one is sent again, acknowledged or not
		}
		<-died
		p.start()
	}
	if err := p.insert(batch, rows); err != nil {
		t.Fatal(err)
	}
	idle := func(s retrain.ModelStatus) bool {
		return s.State == retrain.ModelTrained && s.InsertsSinceTraining < enough
	}
	s := p.awaitStatus("idle", idle)
	learnt, want := p.runs()[0].Samples, (batch+1)*rows
	if got := learnt + s.InsertsSinceTraining; got != want {
		t.Errorf("got %d rows learnt and %d waiting, want %d together", learnt, s.InsertsSinceTraining, want)
	}
	p.predictsWell(s.Version)
	t.Logf("%d rows, %d kills, %d runs", want, kills, p.runs()[0].Number)
}
