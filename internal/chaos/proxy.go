package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Proxies stand between the processes and the servers.
type proxies struct {
	server *toxiproxy.ApiServer
	host   string // where they listen
	all    []*proxy
}

func newProxies() *proxies {
	zerolog.SetGlobalLevel(zerolog.Disabled) // the toxics have logs of their own
	return &proxies{server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())}
}

// A proxy is one process's way to one server.
type proxy struct {
	*toxiproxy.Proxy

	mu sync.Mutex // of two who change it at once
}

func (p *proxies) open(name, upstream string) (*proxy, error) {
	x := &proxy{Proxy: toxiproxy.NewProxy(p.server, name, p.host+":0", upstream)}
	if err := x.Start(); err != nil {
		return nil, err
	}
	p.all = append(p.all, x)
	return x, nil
}

// Addr returns where the process connects to. It stays the same.
func (p *proxy) Addr() string { return p.Listen }

// The ways in which a connection can be bad. half-open: what is sent gets nowhere, and nobody is told; deaf: requests arrive,
// answers do not.
var badWays = []string{"latency", "reset", "half-open", "deaf", "down", "slow"}

// spoil makes the connection bad until heal.
func (p *proxy) spoil(way string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var toxics []string
	switch way {
	case "latency":
		toxics = []string{`{"type":"latency","stream":"upstream","attributes":{"latency":300,"jitter":250}}`}
	case "reset":
		toxics = []string{`{"type":"reset_peer","stream":"downstream","attributes":{"timeout":20}}`}
	case "half-open":
		toxics = []string{`{"type":"timeout","stream":"upstream","attributes":{"timeout":0}}`, `{"type":"timeout","stream":"downstream","attributes":{"timeout":0}}`}
	case "deaf":
		toxics = []string{`{"type":"timeout","stream":"downstream","attributes":{"timeout":0}}`}
	case "slow":
		toxics = []string{`{"type":"bandwidth","stream":"downstream","attributes":{"rate":20}}`}
	case "down":
		p.Stop()
	default:
		return fmt.Errorf("no such way: %s", way)
	}
	for _, t := range toxics {
		if _, err := p.Toxics.AddToxicJson(strings.NewReader(t)); err != nil && err != toxiproxy.ErrToxicAlreadyExists { //nolint:errorlint // it is compared so there
			return err
		}
	}
	return nil
}

// heal makes the connection good again. Those that were spoilt break.
func (p *proxy) heal(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Toxics.ResetToxics(ctx)
	if err := p.Start(); err != nil && err != toxiproxy.ErrProxyAlreadyStarted { //nolint:errorlint // see spoil
		return err
	}
	return nil
}
