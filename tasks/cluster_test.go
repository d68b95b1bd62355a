package tasks_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"retrain"
	"retrain/internal/embedded"
	"retrain/tasks"
)

// everything uses all that there is in c once.
func everything(t *testing.T, c *tasks.Conn) {
	t.Helper()
	ctx := t.Context()
	l, leases := book(t, c), &tasks.Leases{Conn: c}
	must(t, l.Reset(ctx, "other", retrain.State{Latest: 1, Running: 1}, []string{"a"}, map[string]int{"b": 2}, nil))
	events := follow(t, c)
	wantEvents(t, events, retrain.Event{})
	count(t, l, "a", 5)
	_, err := l.Requested(ctx, run7(1))
	must(t, err)
	enqueue(t, c, 1, 0)
	done := make(chan retrain.State)
	work(t, &tasks.Worker{Conn: c,
		Train: func(ctx context.Context, id retrain.RunID) error {
			held, release, err := leases.Acquire(ctx, id)
			if err != nil {
				return err
			}
			defer release()
			must(t, l.Take(held, id, []string{"a", "b"}))
			must(t, l.SetProgress(held, id.Model, retrain.Progress{Run: id.String()}))
			s, err := l.Settle(held, id, retrain.Outcome{Learnt: true, At: noon})
			done <- s
			return err
		},
		Predict: func(context.Context, string, retrain.Which, []retrain.Record) ([]retrain.Prediction, int, error) {
			return []retrain.Prediction{{Prediction: 1.0}}, 3, nil
		}})
	if s := <-done; s.Inserted != 0 || s.Latest != 1 || s.Running != 0 {
		t.Errorf("after the run: %+v", s)
	}
	wantEvents(t, events, announce(t, c, 1))
	if _, version, err := (&tasks.Predictor{Conn: c}).Predict(ctx, "price", retrain.Which{}, []retrain.Record{{"cost": 1}}); err != nil || version != 3 {
		t.Errorf("predict: version %d, %v", version, err)
	}
	if servers, err := c.Servers(ctx); err != nil || len(servers) != 2 {
		t.Errorf("servers: %v, %v", servers, err)
	}
	eventually(t, "the run's task has ended", func() bool { return depth(t, c, "train-default").Completed == 1 })
	_, err = c.Check(ctx)
	must(t, err)
}

func TestEverythingOnOneServer(t *testing.T) { everything(t, connect(t)) }

func TestEverythingOnMiniredis(t *testing.T) {
	everything(t, open(t, tasks.Config{Addr: miniredis.RunT(t).Addr()}))
}

func TestEverythingOnACluster(t *testing.T) {
	t.Parallel()
	s := own(t, "--databases", "1", "--cluster-enabled", "yes")
	must(t, redisDo(t, s.addr, "cluster", "addslotsrange", 0, 16383)) // one node has all slots; scripts must keep to one slot all the same
	c := open(t, tasks.Config{Cluster: []string{s.addr}})
	eventually(t, "the cluster is up", func() bool { return c.Redis.Set(t.Context(), "up", 1, 0).Err() == nil })
	everything(t, c)
}

func TestEverythingOverTLSAsAnUserOfTheServer(t *testing.T) {
	web := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer web.Close()
	m := miniredis.NewMiniRedis()
	must(t, m.StartTLS(&tls.Config{Certificates: web.TLS.Certificates}))
	t.Cleanup(m.Close)
	m.RequireUserAuth("retrain", "secret")
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	everything(t, open(t, tasks.Config{Addr: m.Addr(), Username: "retrain", Password: "secret", TLS: &tls.Config{RootCAs: roots}}))
}

func TestASentinelNamesTheNextMaster(t *testing.T) {
	t.Parallel()
	first, second := own(t), own(t)
	_, port, _ := net.SplitHostPort(first.addr)
	must(t, redisDo(t, second.addr, "replicaof", "127.0.0.1", port))
	c := open(t, tasks.Config{Sentinel: tasks.Sentinel{Master: "main", Addrs: []string{sentinel(t, port)}}})
	everything(t, c)
	l := &tasks.Ledger{Conn: c}
	eventually(t, "the replica has it all", func() bool { return redisDo(t, second.addr, "hget", "retrain:{price}:state", "settled") == nil })
	events := follow(t, c)
	wantEvents(t, events, retrain.Event{})
	first.kill()
	eventually(t, "the replica counts", func() bool {
		_, err := l.Count(t.Context(), "price", "after", 4)
		return err == nil
	})
	if s, err := l.State(t.Context(), "price"); err != nil || s.Inserted != 4 || s.Latest != 1 {
		t.Errorf("got %+v, %v", s, err)
	}
	want := announce(t, c, 9)
	for e := range events {
		if e.event == want {
			break
		}
	}
}

// sentinel starts one that watches the master on a port, and returns its address.
func sentinel(t *testing.T, port string) string {
	t.Helper()
	s := &server{dir: t.TempDir(), addr: fmt.Sprint("127.0.0.1:", embedded.FreePort(0))}
	_, own, _ := net.SplitHostPort(s.addr)
	file := filepath.Join(s.dir, "sentinel.conf")
	must(t, os.WriteFile(file, fmt.Appendf(nil, "bind 127.0.0.1\nport %s\ndir %s\nsentinel monitor main 127.0.0.1 %s 1\n"+
		"sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 5000\n", own, s.dir, port), 0o600))
	s.cmd = exec.Command("redis-server", file, "--sentinel")
	must(t, s.cmd.Start())
	t.Cleanup(s.kill)
	eventually(t, "the sentinel knows the replica", func() bool {
		client := redis.NewSentinelClient(&redis.Options{Addr: s.addr})
		defer client.Close()
		replicas, err := client.Replicas(context.Background(), "main").Result()
		return err == nil && len(replicas) == 1
	})
	return s.addr
}

// redisDo sends one command to a server.
func redisDo(t *testing.T, addr string, command ...any) error {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	return client.Do(t.Context(), command...).Err()
}
