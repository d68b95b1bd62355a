package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
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

// A fleet is connections that one thread asks over, with as few calls of the system as can be: a write and a read for each
// question, and one that waits for whoever answers first. The servers need the processors.
type fleet struct {
	epoll    int
	wires    []*wire
	requests [][]byte
	asked    int
	began    time.Time
}

func newFleet(address string, requests [][]byte, connections int) (*fleet, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := &fleet{epoll: epoll, requests: requests}
	for i := range connections {
		w, err := dialWire(address)
		if err == nil {
			f.wires = append(f.wires, w)
			err = f.watch(w.fd, i)
		}
		if err != nil {
			f.close()
			return nil, err
		}
	}
	f.began = time.Now()
	return f, nil
}

// watch makes await return number when there is something to read.
func (f *fleet) watch(fd, number int) error {
	return unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(number)})
}

func (f *fleet) close() {
	for _, w := range f.wires {
		_ = unix.Close(w.fd)
	}
	_ = unix.Close(f.epoll)
}

// ask sends the next request over w; its answer's time counts from due.
func (f *fleet) ask(w *wire, due time.Duration) error {
	w.due = due
	f.asked++
	return w.write(f.requests[f.asked%len(f.requests)])
}

// await waits for answers and hands over the wires whose are complete. Where number is none of a wire, it is given as nil.
func (f *fleet) await(ctx context.Context, do func(*wire) error) error {
	var events [256]unix.EpollEvent
	n, err := unix.EpollWait(f.epoll, events[:], 1000)
	if errors.Is(err, unix.EINTR) {
		return ctx.Err()
	}
	for _, e := range events[:max(n, 0)] {
		if int(e.Fd) >= len(f.wires) {
			err = errors.Join(err, do(nil))
			continue
		}
		w := f.wires[e.Fd]
		complete, e := w.read()
		if e == nil && complete {
			e = do(w)
		}
		err = errors.Join(err, e)
	}
	return errors.Join(err, ctx.Err())
}

// closed asks over so many connections for d, each as soon as it is answered.
func closed(ctx context.Context, address string, requests [][]byte, connections int, d time.Duration) (answers int, l Latency, err error) {
	f, err := newFleet(address, requests, connections)
	if err != nil {
		return 0, l, err
	}
	defer f.close()
	for _, w := range f.wires {
		err = errors.Join(err, f.ask(w, time.Since(f.began)))
	}
	took := make([]time.Duration, 0, 1<<20)
	for waiting := connections; waiting > 0 && err == nil; {
		err = f.await(ctx, func(w *wire) error {
			now := time.Since(f.began)
			took = append(took, now-w.due)
			if now < d {
				return f.ask(w, now)
			}
			waiting--
			return nil
		})
	}
	return len(took), latency(took), err
}

// open asks at set times, so many each second. Latencies count from the set time. Where the server falls behind by all
// connections, they show it.
func open(ctx context.Context, address string, requests [][]byte, rate int, d time.Duration) (l Latency, err error) {
	const connections = 64
	f, err := newFleet(address, requests, connections)
	if err != nil {
		return l, err
	}
	defer f.close()
	gap := time.Second / time.Duration(rate)
	timer, err := f.tick(gap)
	if err != nil {
		return l, err
	}
	defer func() { _ = unix.Close(timer) }()
	total := int(d / gap)
	idle, took := slices.Clone(f.wires), make([]time.Duration, 0, total)
	for len(took) < total && err == nil {
		err = f.await(ctx, func(w *wire) error {
			now := time.Since(f.began)
			if w != nil {
				took, idle = append(took, now-w.due), append(idle, w)
			} else if err := ticked(timer); err != nil {
				return err
			}
			for f.asked < total && gap*time.Duration(f.asked) <= now && len(idle) > 0 {
				next := idle[len(idle)-1]
				idle = idle[:len(idle)-1]
				if err := f.ask(next, gap*time.Duration(f.asked)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return latency(took), err
}

// tick makes await call back with nil after each gap.
func (f *fleet) tick(gap time.Duration) (fd int, err error) {
	if fd, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return 0, err
	}
	each := unix.NsecToTimespec(gap.Nanoseconds())
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: each, Value: each}, nil); err != nil {
		return 0, err
	}
	return fd, f.watch(fd, len(f.wires))
}

func ticked(timer int) error {
	var b [8]byte
	if _, err := unix.Read(timer, b[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("timer: %w", err)
	}
	return nil
}
