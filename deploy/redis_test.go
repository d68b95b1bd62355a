package deploy_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain/internal/embedded"
	"retrain/internal/testenv"
)

// The users of the test's servers: ours may do what docs/redis.md says that it needs; replica is for the servers themselves.
const (
	ourRights = "~asynq:* ~retrain:* &asynq:* -@all +@read +@write +@connection +@scripting +@pubsub +@transaction -@dangerous " +
		"+info +time +config|get +cluster|info +cluster|nodes +cluster|slots +cluster|shards +cluster|keyslot +cluster|myid"
	ourUser, ourPassword         = "retrain", "of-the-programs"
	replicaUser, replicaPassword = "replica", "of-the-servers"
	watchUser, watchPassword     = "watcher", "of-the-sentinels"
)

// A rack is where servers of Redis run, all with TLS and users.
type rack struct {
	*testing.T
	dir string
	tls *tls.Config
}

// A server is a redis-server, or a sentinel.
type server struct {
	*process
	port int
}

func (s server) addr() string { return fmt.Sprint("127.0.0.1:", s.port) }

// newRack makes an authority and a certificate for 127.0.0.1.
func newRack(t *testing.T) *rack {
	t.Helper()
	r := &rack{T: t, dir: t.TempDir(), tls: &tls.Config{RootCAs: x509.NewCertPool()}}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	r.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})))
	r.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})))
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		t.Fatal(err)
	}
	r.tls.RootCAs.AddCert(parsed)
	return r
}

func (r *rack) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rack) write(name, text string) {
	r.Helper()
	if err := os.WriteFile(r.path(name), []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
}

// config is what every server is told. The user default is off, but keeps its rights: a server that reads its append-only file
// does so as default, and would leave out every transaction that default may not do.
func (r *rack) config(port int, users ...string) string {
	dir := fmt.Sprint("data-", port)
	if err := os.MkdirAll(r.path(dir), 0o700); err != nil {
		r.Fatal(err)
	}
	lines := append([]string{"bind 127.0.0.1", "port 0", fmt.Sprint("tls-port ", port), "dir " + r.path(dir), "tls-auth-clients no", "tls-replication yes",
		"tls-cert-file " + r.path("ca.pem"), "tls-key-file " + r.path("key.pem"), "tls-ca-cert-file " + r.path("ca.pem"), "user default off ~* &* +@all"}, users...)
	return strings.Join(lines, "\n") + "\n"
}

// redis starts a server; more are lines of its configuration.
func (r *rack) redis(more ...string) server {
	r.Helper()
	port := embedded.FreePort(0)
	r.write(fmt.Sprint(port, ".conf"), r.config(port,
		fmt.Sprintf("user %s on >%s %s", ourUser, ourPassword, ourRights), fmt.Sprintf("user %s on >%s ~* &* +@all", replicaUser, replicaPassword),
		"masteruser "+replicaUser, "masterauth "+replicaPassword, "appendonly yes", "maxmemory-policy noeviction", "repl-diskless-sync-delay 0")+
		strings.Join(more, "\n")+"\n")
	s := server{start(r.T, "redis-server", r.path(fmt.Sprint(port, ".conf"))), port}
	r.answers(s, replicaUser, replicaPassword)
	return s
}

// client returns one that may do everything at a server.
func (r *rack) client(s server, user, password string) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.addr(), Username: user, Password: password, TLSConfig: r.tls, MaxRetries: -1})
	r.Cleanup(func() { _ = c.Close() })
	return c
}

func (r *rack) answers(s server, user, password string) {
	r.Helper()
	c := r.client(s, user, password)
	testenv.Eventually(r.T, 20*time.Second, func() error { return c.Ping(r.Context()).Err() })
}

// ours is the section redis of a configuration, to which where it is must be added.
func (r *rack) ours(more map[string]any) map[string]any {
	more["username"], more["password"] = ourUser, ourPassword
	more["tls"] = map[string]any{"ca": r.path("ca.pem")}
	return more
}

// single starts one server. Its fail-over is that it dies and comes back.
func (r *rack) single() (config map[string]any, fail func()) {
	s := r.redis()
	return r.ours(map[string]any{"addr": s.addr()}), func() {
		s.signal(syscall.SIGKILL)
		s.start(r.T)
	}
}

// sentinels starts a master, a replica and three sentinels, with users of their own. The master dies for good.
func (r *rack) sentinels() (config map[string]any, fail func()) {
	r.Helper()
	master := r.redis()
	replica := r.redis(fmt.Sprint("replicaof 127.0.0.1 ", master.port))
	var addrs []string
	var all []server
	for range 3 {
		port := embedded.FreePort(0)
		r.write(fmt.Sprint(port, ".conf"), r.config(port, fmt.Sprintf("user %s on >%s &* +@all", watchUser, watchPassword))+fmt.Sprintf(
			"sentinel sentinel-user %s\nsentinel sentinel-pass %s\nsentinel monitor main 127.0.0.1 %d 2\nsentinel auth-user main %s\n"+
				"sentinel auth-pass main %s\nsentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n",
			watchUser, watchPassword, master.port, replicaUser, replicaPassword))
		s := server{start(r.T, "redis-server", r.path(fmt.Sprint(port, ".conf")), "--sentinel"), port}
		all, addrs = append(all, s), append(addrs, s.addr())
	}
	for _, s := range all {
		r.answers(s, watchUser, watchPassword)
		c := redis.NewSentinelClient(&redis.Options{Addr: s.addr(), Username: watchUser, Password: watchPassword, TLSConfig: r.tls})
		testenv.Eventually(r.T, 30*time.Second, func() error {
			replicas, err := c.Replicas(r.Context(), "main").Result()
			others, err2 := c.Sentinels(r.Context(), "main").Result()
			if len(replicas) != 1 || len(others) != 2 {
				return errors.Join(err, err2, fmt.Errorf("%d replicas and %d other sentinels", len(replicas), len(others)))
			}
			return nil
		})
		_ = c.Close()
	}
	r.replicates(replica)
	return r.ours(map[string]any{"sentinel": map[string]any{"master": "main", "addrs": addrs, "username": watchUser, "password": watchPassword}}),
		func() { master.signal(syscall.SIGKILL) }
}

func (r *rack) replicates(s server) {
	r.Helper()
	c := r.client(s, replicaUser, replicaPassword)
	testenv.Eventually(r.T, 30*time.Second, func() error {
		info, err := c.Info(r.Context(), "replication").Result()
		if !strings.Contains(info, "master_link_status:up") {
			return errors.Join(err, errors.New("no link to the master"))
		}
		return nil
	})
}

// cluster starts three masters, each with a replica. The master that has the queue of trainings dies for good.
func (r *rack) cluster() (config map[string]any, fail func()) {
	r.Helper()
	var nodes []server
	var addrs []string
	for range 6 {
		s := r.redis("cluster-enabled yes", "cluster-node-timeout 2000", "tls-cluster yes", "cluster-announce-ip 127.0.0.1")
		nodes, addrs = append(nodes, s), append(addrs, s.addr())
	}
	create := append([]string{"--user", replicaUser, "--pass", replicaPassword, "--no-auth-warning", "--tls", "--cacert", r.path("ca.pem"), "--cluster", "create"}, addrs...)
	if out, err := exec.Command("redis-cli", append(create, "--cluster-replicas", "1", "--cluster-yes")...).CombinedOutput(); err != nil {
		r.Fatalf("redis-cli --cluster create: %v\n%s", err, out)
	}
	for _, s := range nodes {
		c := r.client(s, replicaUser, replicaPassword)
		testenv.Eventually(r.T, 30*time.Second, func() error {
			info, err := c.ClusterInfo(r.Context()).Result()
			known, err2 := c.ClusterNodes(r.Context()).Result()
			if !strings.Contains(info, "cluster_state:ok") || strings.Count(known, "slave") != 3 || strings.Contains(known, "noaddr") {
				return errors.Join(err, err2, errors.New(info+known))
			}
			return nil
		})
	}
	for _, s := range nodes[3:] { // redis-cli makes the first three masters
		r.replicates(s)
	}
	return r.ours(map[string]any{"cluster": addrs}), func() {
		slot, err := r.client(nodes[0], replicaUser, replicaPassword).ClusterKeySlot(r.Context(), "asynq:{train-default}:pending").Result()
		if err != nil {
			r.Fatal(err)
		}
		nodes[min(2, slot*3/16384)].signal(syscall.SIGKILL) // they have a third of the slots each
	}
}
