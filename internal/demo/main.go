// Command demo shows the main job on real data, with the programs that everybody uses: records are inserted in portions, a
// training sets itself off, and the same question gets its answer from the next version.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// The question that is asked of every version.
const question = `{"weight_in_lbs":2372,"horsepower":95,"displacement":113,"cylinders":4,"acceleration":15,"year":"1970-01-01","origin":"Japan"}`

const (
	data    = "examples/cars/cars.csv"
	config  = "examples/cars/retrain.yaml"
	folder  = ".demo"
	portion = 80 // records of one insert
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := show(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func show(ctx context.Context) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	portions, err := split(data, portion)
	if err != nil {
		return err
	}
	sayf("One process with every role: Redis, an S3 gateway, scheduler, training worker, prediction worker.")
	s, err := start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	fmt.Printf("  dashboard    http://%s/\n  asynqmon     http://%s/monitor\n  predictions  http://%s/v1/models/mpg\n", s.listen, s.listen, s.predict)

	sayf("A model is declared: fuel economy of cars, trained anew after every 150 usable rows.")
	if err := s.producer(ctx, "status"); err != nil {
		return err
	}
	for i, file := range portions {
		sayf("Portion %d of %d is inserted.", i+1, len(portions))
		before, err := s.model(ctx)
		if err != nil {
			return err
		}
		triggered, err := s.insert(ctx, file)
		if err != nil {
			return err
		}
		if !triggered {
			continue
		}
		if err := s.watchTraining(ctx, before.Version); err != nil {
			return err
		}
	}
	sayf("What is there now:")
	for _, args := range [][]string{{"versions", "mpg"}, {"status", "mpg"}} {
		if err := s.producer(ctx, args...); err != nil {
			return err
		}
	}
	sayf("That was all of it. To go on with this data:")
	fmt.Printf(`  bin/standalone --data %[1]s/data --config %[2]s
  bin/producer --config %[1]s/data/client.yaml predict mpg --features '%[3]s'
  bin/producer --config %[1]s/data/client.yaml train mpg --wait
`, folder, config, question)
	return nil
}

func sayf(format string, args ...any) { fmt.Printf("\n\033[1m▸ "+format+"\033[0m\n", args...) }
