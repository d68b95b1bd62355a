// Command records measures how records are written and read, beside s3db.js where it is installed, in one run on one machine. It
// prints tables as Markdown and may write the results as JSON.
//
//	go run ./bench/records [-s3dbjs FILE] [-rows 1000000] [-latency 25ms] [-only far] [-json records.json]
//
// FILE is one of the package that exports S3db or Database, as …/node_modules/s3db.js/dist/lite.js.
//
// The S3 server is versitygw, a process of its own over a folder. Everybody works in a process of its own, so that nothing is
// warm that should be cold, and tells how much memory it took. Everything is measured twice: near, on the loopback interface;
// and far, behind a proxy that holds every request back for some time, as a server in another building does.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"time"
)

func main() {
	log.SetFlags(0)
	b := &bench{}
	flag.StringVar(&b.module, "s3dbjs", "", "the `FILE` of s3db.js that exports S3db or Database; without one it is left out")
	flag.IntVar(&b.most, "rows", 1_000_000, "the most records that are read")
	flag.DurationVar(&b.latency, "latency", 25*time.Millisecond, "how long the far server holds a request back")
	flag.StringVar(&b.only, "only", "", "near or far")
	jsonPath := flag.String("json", "", "write the results to this file")
	child := flag.String("child", "", "do a job, as JSON, and print the result: what this program calls itself for")
	serve := flag.String("serve", "", "serve this folder over S3 until stdin ends: what this program calls itself for")
	flag.Parse()
	ctx := context.Background()
	var err error
	switch {
	case *child != "":
		err = printJob(ctx, *child)
	case *serve != "":
		err = serveFolder(ctx, *serve)
	default:
		err = run(ctx, b, *jsonPath)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, b *bench, jsonPath string) error {
	if err := b.start(ctx); err != nil {
		return err
	}
	err := b.measure(ctx)
	if err := cmp.Or(b.stop(), err); err != nil {
		return err
	}
	fmt.Printf("%s. s3db.js: %s.\n", machine(), cmp.Or(b.module, "not installed"))
	show(b.results)
	fmt.Println()
	tell(checks(b.results))
	if jsonPath == "" {
		return nil
	}
	out, err := json.MarshalIndent(b.results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(jsonPath, append(out, '\n'), 0o600)
}
