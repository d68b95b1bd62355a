package tasks_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain"
	"retrain/tasks"
)

// Some tests need processes that can be killed. They start the test binary again, with a role to play.
const (
	roleVariable = "RETRAIN_TASKS_TEST_ROLE"
	addrVariable = "RETRAIN_TASKS_TEST_REDIS"
	dbVariable   = "RETRAIN_TASKS_TEST_DB"
)

const countedBatches = 300

// play is the main function of such a process.
func play(role string) int {
	say := func(what any) { fmt.Fprintln(os.Stdout, what) }
	db, _ := strconv.Atoi(os.Getenv(dbVariable))
	c, err := tasks.Open(tasks.Config{Addr: os.Getenv(addrVariable), DB: db})
	if err != nil {
		say(err)
		return 1
	}
	ctx := context.Background()
	switch role {
	case "count": // every batch, as often as the process is started
		l := &tasks.Ledger{Conn: c}
		for b := range countedBatches {
			if _, err := l.Count(ctx, "price", fmt.Sprint("batch-", b), b); err != nil {
				say(err)
				return 1
			}
		}
	case "hold": // the lease, until it is lost
		held, _, err := (&tasks.Leases{Conn: c}).Acquire(ctx, retrain.RunID{Model: "price", Number: 1})
		if err != nil {
			say(err)
			return 1
		}
		say("held")
		<-held.Done()
		say("lost")
	}
	return 0
}

// player starts a process that plays a role in a database of the shared server.
func player(t *testing.T, role string, c *tasks.Conn) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	db := c.Redis.(*redis.Client).Options().DB
	cmd.Env = append(os.Environ(), roleVariable+"="+role, addrVariable+"="+c.Addr(), dbVariable+"="+strconv.Itoa(db))
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

func wantLine(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	if !lines.Scan() || lines.Text() != want {
		t.Fatalf("the process says %q, want %q", lines.Text(), want)
	}
}

func TestProcessesThatAreKilledCountEachBatchOnce(t *testing.T) {
	c := connect(t)
	l := book(t, c)
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			for kills := range 2 { // twice it dies on the way, then it gets to the end
				cmd, _ := player(t, "count", c)
				seen := func() bool {
					s, err := l.State(t.Context(), "price")
					return err == nil && s.Inserted > (i+kills)*1000
				}
				eventually(t, "something was counted", seen)
				cmd.Process.Kill()
				cmd.Wait()
			}
			cmd, lines := player(t, "count", c)
			for lines.Scan() {
				t.Error(lines.Text())
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s, err := l.State(t.Context(), "price")
	must(t, err)
	if want := countedBatches * (countedBatches - 1) / 2; s.Inserted != want {
		t.Errorf("counted %d, want %d", s.Inserted, want)
	}
}

func TestTheRunOfAKilledWorkerIsFreeWithinItsLease(t *testing.T) {
	t.Parallel()
	c := connect(t)
	l := &tasks.Leases{Conn: c}
	cmd, lines := player(t, "hold", c)
	wantLine(t, lines, "held")
	cmd.Process.Kill()
	began := time.Now()
	eventually(t, "the lease is free", func() bool {
		_, release, err := l.Acquire(t.Context(), run7(1))
		if err == nil {
			release()
		}
		return err == nil
	})
	took := time.Since(began)
	t.Logf("took %v", took)
	if took > 3500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

func TestAWorkerThatStoodStillHasLostItsRun(t *testing.T) {
	t.Parallel()
	c := connect(t)
	l := &tasks.Leases{Conn: c}
	cmd, lines := player(t, "hold", c)
	wantLine(t, lines, "held")
	must(t, cmd.Process.Signal(syscall.SIGSTOP))
	eventually(t, "the lease is free", func() bool { return !isHeld(t, l) })
	acquire(t, l)
	must(t, cmd.Process.Signal(syscall.SIGCONT))
	wantLine(t, lines, "lost")
	if !isHeld(t, l) {
		t.Error("it took the lease away from its new holder")
	}
}
