package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// served prints how long it takes on a warm system from an insert that makes a training due to the first answer of the version that
// comes of it: ten rows, a small model, everything in one process.
func (b *bench) served(ctx context.Context, times int) error {
	store := &server{name: "standalone", path: "/v1/models/bench:predict", body: byName}
	defer store.stop()
	if _, err := b.train(ctx, store); err != nil {
		return err
	}
	var took []time.Duration
	version := 0
	for i := range times + 1 {
		began := time.Now()
		if err := b.insert(ctx, i); err != nil {
			return err
		}
		now, err := nextVersion(ctx, store.address, version)
		if err != nil {
			return err
		}
		if version = now; i > 0 { // the first one compiles
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	fmt.Printf("On %s: from an insert to an answer of the version that it brings about: p50 %v, max %v of %d.\n",
		machine(), took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), len(took))
	return nil
}

// insert inserts as many rows as are due for a training.
func (b *bench) insert(ctx context.Context, round int) error {
	rows := make([]string, dueAfter)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"id":"%d-%d","x":%d,"y":%d}`, round, i, i, 3*i+round)
	}
	status, _, err := post(ctx, "http://"+b.control+"/v1/resources/warm/records", "["+strings.Join(rows, ",")+"]")
	if err == nil && status >= http.StatusBadRequest {
		err = fmt.Errorf("insert: %d", status)
	}
	return err
}

// nextVersion waits for an answer of another version than the one before, and returns which.
func nextVersion(ctx context.Context, address string, before int) (int, error) {
	late := time.Now().Add(time.Minute)
	for time.Now().Before(late) && ctx.Err() == nil {
		_, header, err := post(ctx, "http://"+address+"/v1/models/warm:predict", `{"instances":[{"x":1}]}`)
		if err != nil {
			return 0, err
		}
		if version, err := strconv.Atoi(header.Get("X-Model-Version")); err == nil && version != before {
			return version, nil
		}
		time.Sleep(time.Millisecond)
	}
	return 0, errors.Join(ctx.Err(), fmt.Errorf("no version came after %d", before))
}

func post(ctx context.Context, url, body string) (status int, header http.Header, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	q.Header.Set("Content-Type", "application/json")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, nil, err
	}
	return r.StatusCode, r.Header, r.Body.Close()
}
