package tasks_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"retrain"
	"retrain/tasks"
)

func TestRedisThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	stuck := own(t)
	stuck.cmd.Process.Signal(syscall.SIGSTOP)
	for name, cfg := range map[string]tasks.Config{
		"refused":  {Addr: "127.0.0.1:1"},
		"stuck":    {Addr: stuck.addr},
		"sentinel": {Sentinel: tasks.Sentinel{Master: "main", Addrs: []string{"127.0.0.1:1"}}},
		"cluster":  {Cluster: []string{"127.0.0.1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			err := open(t, cfg).Ping(t.Context())
			e, ok := errors.AsType[*retrain.Error](err)
			if !ok || e.Code != retrain.UnavailableError || !strings.Contains(e.Message, "127.0.0.1:") || e.Hint == "" {
				t.Errorf("got %#v", err)
			}
			t.Logf("%v after %v", err, time.Since(began))
		})
	}
}

func TestAWrongPasswordIsSaid(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireUserAuth("retrain", "secret")
	must(t, open(t, tasks.Config{Addr: m.Addr(), Username: "retrain", Password: "secret"}).Ping(t.Context()))
	err := open(t, tasks.Config{Addr: m.Addr(), Username: "retrain", Password: "wrong"}).Ping(t.Context())
	if e, ok := errors.AsType[*retrain.Error](err); !ok || e.Code != retrain.UnavailableError || !strings.Contains(e.Hint, "password") {
		t.Errorf("got %#v", err)
	}
}

func TestSettingsThatContradictEachOther(t *testing.T) {
	for name, cfg := range map[string]tasks.Config{
		"sentinel and cluster":    {Sentinel: tasks.Sentinel{Master: "main", Addrs: []string{"a:1"}}, Cluster: []string{"b:1"}},
		"sentinel without master": {Sentinel: tasks.Sentinel{Addrs: []string{"a:1"}}},
		"sentinel without addrs":  {Sentinel: tasks.Sentinel{Master: "main"}},
		"cluster with database":   {Cluster: []string{"b:1"}, DB: 3},
	} {
		if _, err := tasks.Open(cfg); !errors.Is(err, retrain.ModelConfigError) {
			t.Errorf("%s: %v, want a ModelConfigError", name, err)
		}
	}
}

func TestCheck(t *testing.T) {
	c := connect(t)
	checks := func() map[string]tasks.Finding {
		found, err := c.Check(t.Context())
		must(t, err)
		byName := make(map[string]tasks.Finding)
		for _, f := range found {
			byName[f.Name] = f
		}
		return byName
	}
	for name, f := range checks() {
		if !f.OK || f.Detail == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	s := own(t)
	c = open(t, tasks.Config{Addr: s.addr})
	must(t, c.Redis.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err())
	must(t, c.Redis.ConfigSet(t.Context(), "appendonly", "no").Err())
	got := checks()
	if got["redis eviction"].OK || got["redis persistence"].OK {
		t.Errorf("got %+v", got)
	}
}

func TestCheckToleratesAServerThatTellsNothing(t *testing.T) {
	found, err := open(t, tasks.Config{Addr: miniredis.RunT(t).Addr()}).Check(t.Context())
	must(t, err)
	for _, f := range found {
		if !f.OK {
			t.Errorf("%+v", f)
		}
	}
}
