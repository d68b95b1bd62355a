package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Latency is how long answers took, in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func latency(took []time.Duration) Latency {
	if len(took) == 0 {
		return Latency{}
	}
	slices.Sort(took)
	at := func(q float64) float64 { return took[int(q*float64(len(took)-1))].Seconds() * 1000 }
	return Latency{at(.5), at(.99)}
}

// A connection speaks just enough HTTP to cost next to nothing: the servers need the processors.
type connection struct {
	net.Conn
	r *bufio.Reader
}

func dial(address string) (*connection, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReaderSize(c, 64<<10)}, nil
}

// request returns a request as it goes over the wire.
func request(path, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

// ask sends a request and reads the answer, which it returns where it is wanted.
func (c *connection) ask(request []byte, wanted bool) ([]byte, error) {
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	status, length := "", -1
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if status == "" {
			status = string(line)
			continue
		}
		if len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("content-length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return nil, err
			}
		}
	}
	if length < 0 {
		return nil, errors.New("an answer without a length")
	}
	ok := len(status) > 12 && status[9:12] == "200"
	if ok && !wanted {
		_, err := c.r.Discard(length)
		return nil, err
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(c.r, body); err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s: %s", status, body)
	}
	return body, nil
}

// closed asks over so many connections for d, each as soon as it is answered.
func closed(ctx context.Context, address string, requests [][]byte, connections int, d time.Duration) (answers int, l Latency, err error) {
	end := time.Now().Add(d)
	took, errs := make([][]time.Duration, connections), make([]error, connections)
	var all sync.WaitGroup
	for i := range connections {
		all.Go(func() {
			c, err := dial(address)
			if err != nil {
				errs[i] = err
				return
			}
			defer func() { _ = c.Close() }()
			for n := i; time.Now().Before(end) && ctx.Err() == nil; n++ {
				began := time.Now()
				if _, err := c.ask(requests[n%len(requests)], false); err != nil {
					errs[i] = err
					return
				}
				took[i] = append(took[i], time.Since(began))
			}
		})
	}
	all.Wait()
	flat := slices.Concat(took...)
	return len(flat), latency(flat), errors.Join(errors.Join(errs...), ctx.Err())
}

// open asks at set times, so many each second. Latencies count from the set time. Where the server falls behind by all
// connections, they show it.
func open(ctx context.Context, address string, requests [][]byte, rate int, d time.Duration) (Latency, error) {
	const connections = 64
	total := int(d.Seconds() * float64(rate))
	due := make(chan int, total)
	began := time.Now()
	at := func(i int) time.Time { return began.Add(time.Duration(i) * time.Second / time.Duration(rate)) }
	took, errs := make([]time.Duration, total), make([]error, connections)
	var all sync.WaitGroup
	for w := range connections {
		c, err := dial(address)
		if err != nil {
			return Latency{}, err
		}
		all.Go(func() {
			defer func() { _ = c.Close() }()
			for i := range due {
				if _, err := c.ask(requests[i%len(requests)], false); err != nil {
					errs[w] = err
					return
				}
				took[i] = time.Since(at(i))
			}
		})
	}
	for i := range total {
		if wait := time.Until(at(i)); wait > 0 {
			time.Sleep(wait)
		}
		due <- i
	}
	close(due)
	all.Wait()
	return latency(took), errors.Join(errors.Join(errs...), ctx.Err())
}
