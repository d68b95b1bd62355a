// Package app is what the programs share: the configuration, and the wiring of the parts that Redis and S3 are reached by.
// It links no TensorFlow: whoever trains or predicts passes that in.
package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"time"

	"retrain"
	"retrain/internal/keyring"
	"retrain/internal/meter"
	"retrain/internal/tracing"
	"retrain/mlcore/prep"
	"retrain/s3io"
	"retrain/tasks"
)

// An App holds the parts of the system, joined. Any number of goroutines may use it.
type App struct {
	Config *Config
	Log    *slog.Logger
	IO     *meter.IO       // what was asked of Redis and S3
	Tracer *tracing.Tracer // nil: nothing is followed

	Bucket   s3io.Bucket
	Named    func(ctx context.Context, bucket string) (s3io.Bucket, error) // any bucket of the same server, whole
	Specs    *s3io.Specs
	Records  *s3io.Records // what is inserted here
	Source   *s3io.Sources // all records, wherever they are
	Registry *s3io.Registry
	Runs     *s3io.Runs
	Bulks    *s3io.Bulks

	Redis     *tasks.Conn
	Ledger    *tasks.Ledger
	Queue     *tasks.Queue
	Leases    *tasks.Leases
	Stream    *tasks.Stream
	Predictor *tasks.Predictor
	Drifts    *tasks.Drifts

	Catalog   *retrain.Catalog
	Requester *retrain.Requester
	Inserter  *retrain.Inserter
	Sweeper   *retrain.Sweeper
	Endings   *retrain.Endings
	Keeper    *retrain.Keeper
	Keys      *keyring.Store
	By        string // who asks: recorded with what is done by hand
}

// How old an answer of the catalog may be where no event told of a change.
const catalogAge = 2 * time.Second

// Open joins the parts. Nothing is connected yet: each part does so when it is first used. Whoever opens an App closes it.
func Open(ctx context.Context, c *Config, log *slog.Logger) (*App, error) {
	a := &App{Config: c, Log: log, IO: meter.NewIO()}
	var err error
	if a.Tracer, err = tracing.Open(ctx, c.Tracing.Endpoint, service(), Version, log); err != nil {
		return nil, err
	}
	s3 := a.s3io()
	bucket, err := s3io.Open(ctx, s3)
	if err != nil {
		return nil, err
	}
	to, err := a.tasks()
	if err != nil {
		return nil, err
	}
	conn, err := tasks.Open(to)
	if err != nil {
		return nil, err
	}
	a.Bucket, a.Redis = bucket, conn
	a.Specs, a.Records = &s3io.Specs{Bucket: bucket}, &s3io.Records{Bucket: bucket, Pinned: a.pinned, Log: log}
	named := buckets(s3)
	a.Source = &s3io.Sources{Native: a.Records, S3DB: &s3io.S3DB{Bucket: bucket, Open: named}, Files: &s3io.Files{Open: named}}
	a.Registry, a.Runs, a.Bulks = &s3io.Registry{Bucket: bucket}, &s3io.Runs{Bucket: bucket}, &s3io.Bulks{Bucket: bucket}
	a.Named = named
	a.Keys = &keyring.Store{Bucket: bucket, Now: time.Now}
	a.Ledger, a.Queue, a.Leases = &tasks.Ledger{Conn: conn}, &tasks.Queue{Conn: conn, Tracer: a.Tracer.Parts()}, &tasks.Leases{Conn: conn}
	a.Stream, a.Predictor, a.Drifts = &tasks.Stream{Conn: conn}, &tasks.Predictor{Conn: conn, Tracer: a.Tracer.Parts()}, &tasks.Drifts{Conn: conn, Who: process()}
	a.join()
	return a, nil
}

// process names this process among those of all machines.
func process() string {
	host, _ := os.Hostname() // of several machines without names one is heard
	return host + ":" + strconv.Itoa(os.Getpid())
}

// join wires what inserts, requests, sweeps and ends.
func (a *App) join() {
	a.Catalog = &retrain.Catalog{Store: a.Specs, MaxAge: catalogAge, Now: time.Now}
	a.Requester = &retrain.Requester{Runs: a.Runs, Queue: a.Queue, Ledger: a.Ledger, Tracer: a.Tracer.Parts(), Now: time.Now, Log: a.Log}
	a.Sweeper = &retrain.Sweeper{Catalog: a.Catalog, Source: a.Source, Ledger: a.Ledger, History: a.Runs, Queue: a.Queue,
		Watch: watch{a.Leases, a.Queue}, Accepts: prep.Accepts, Request: a.request, Champion: a.Registry.Champion, Drift: a.Drifts.Drift, Now: time.Now, Log: a.Log}
	a.Inserter = &retrain.Inserter{Catalog: a.Catalog, Records: &s3io.Shared{Records: a.Records}, Counter: &healing{Counter: a.Ledger, sweeper: a.Sweeper}, Accepts: prep.Accepts,
		Request: a.request, Tracer: a.Tracer.Parts(), Now: time.Now, Log: a.Log}
	a.Endings = &retrain.Endings{Catalog: a.Catalog, Runs: a.Runs, Registry: a.Registry, Ledger: a.Ledger, Leases: a.Leases, Queue: a.Queue,
		Events: a.Stream, Tracer: a.Tracer.Parts(), Now: time.Now, Log: a.Log}
	a.Keeper = &retrain.Keeper{Catalog: a.Catalog, Attic: a.Registry, Runs: a.Runs, State: a.Ledger.State, Log: a.Log}
}

// request asks for a run that begins with new weights, as those do that nobody asked for by hand. It looks first whether the
// model is paused, since the catalog may be a moment old, and whether the state is as old as S3 says.
func (a *App) request(ctx context.Context, m *retrain.Model, s retrain.State, why retrain.Reason) error {
	paused, err := a.Specs.Paused(ctx)
	if err != nil {
		return err
	}
	if _, is := paused[m.Name]; is {
		return nil
	}
	_, err = a.Requester.Request(ctx, m, s, why, true)
	if errors.Is(err, retrain.ConflictError) { // the next sweep asks again, if the model is due then
		_, err = a.Sweeper.CatchUp(ctx, m, s.Latest)
	}
	return err
}

// watch knows whether anybody cares for a run.
type watch struct {
	*tasks.Leases
	*tasks.Queue
}

// Training returns what works runs off, with what learns.
func (a *App) Training(f retrain.Fitter) *retrain.Training {
	return &retrain.Training{Catalog: a.Catalog, Runs: a.Runs, Source: a.Source, Leases: a.Leases, Ledger: a.Ledger, Fitter: f,
		Registry: a.Registry, Fetch: a.Registry.Fetch, Queue: a.Queue, Events: a.Stream, Fold: a.Sweeper.Fold,
		Tracer: a.Tracer.Parts(), Now: time.Now, Log: a.Log}
}

// Live returns what keeps the champions loaded, with what loads them, and the folder for their files.
func (a *App) Live(load func(retrain.Version) (retrain.Servable, error), dir string) *retrain.Live {
	return &retrain.Live{Catalog: a.Catalog, Shelf: a.Registry, Events: a.Stream, Tell: a.Stream, Load: load, Dir: dir,
		Memory: int64(a.Config.Predict.Memory), Poll: 30 * time.Second, Tracer: a.Tracer.Parts(), Now: time.Now, Log: a.Log}
}

// Chunks returns what answers chunks of bulks in a prediction worker.
func (a *App) Chunks(live *retrain.Live) *retrain.Chunks {
	return &retrain.Chunks{Store: a.Bulks, Ask: live.Ask}
}

// Bulker returns what asks for predictions of many records.
func (a *App) Bulker() *retrain.Bulker {
	return &retrain.Bulker{Store: a.Bulks, Queue: &tasks.Bulks{Conn: a.Redis}, Now: time.Now, Log: a.Log}
}

// Close closes the connections.
func (a *App) Close() error {
	a.Tracer.Close()
	return a.Redis.Close()
}
