package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Told to end while Redis is not there, a worker ends all the same, in five seconds; what a busy machine adds is granted.
const endsWithin = 7 * time.Second

func TestToldToEndWithoutRedis(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(w *world, p *toxiproxy.Proxy)
	}{
		{"Redis is dead", func(w *world, _ *toxiproxy.Proxy) { w.redis.Kill() }},
		{"the connection is half-open", func(w *world, p *toxiproxy.Proxy) {
			for _, way := range []string{"upstream", "downstream"} {
				if _, err := p.Toxics.AddToxicJson(strings.NewReader(`{"type":"timeout","stream":"` + way + `","attributes":{"timeout":0}}`)); err != nil {
					w.Error(err)
				}
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			p := w.throughProxy()
			train := w.worker("train")
			w.progresses(w.longRun(), 0)
			test.spoil(w, p)
			began := time.Now()
			signal(t, train, syscall.SIGTERM)
			w.eventually(func() error { return gone(train.Process.Pid) })
			if took := time.Since(began); took > endsWithin {
				t.Errorf("it took %v", took)
			} else {
				t.Logf("ended after %v", took)
			}
		})
	}
}

// throughProxy lets the workers that are started from now on reach Redis through a proxy.
func (w *world) throughProxy() *toxiproxy.Proxy {
	w.Helper()
	zerolog.SetGlobalLevel(zerolog.Disabled)
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop()), "redis", "127.0.0.1:0", w.redis.Addr())
	if err := p.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(p.Stop)
	c := *w.app.Config
	c.Redis.Addr = p.Listen
	if err := c.WriteClient(w.client); err != nil {
		w.Fatal(err)
	}
	return p
}
