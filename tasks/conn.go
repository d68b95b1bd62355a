package tasks

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"retrain"
)

// A Config says where Redis is: one server, the master that sentinels name, or a cluster.
type Config struct {
	Addr     string // of a single server; "127.0.0.1:6379"
	Username string // of an ACL user
	Password string
	DB       int         // not for a cluster, which has only 0
	TLS      *tls.Config // nil: none
	Sentinel Sentinel
	Cluster  []string // addresses of some of the nodes

	Instrument []func(redis.UniversalClient) error // what counts and follows the commands of each client; none by default
}

// Sentinel says which sentinels to ask for which master.
type Sentinel struct {
	Master   string
	Addrs    []string
	Username string // of the sentinels themselves
	Password string
}

// A Conn is a pool of connections to one Redis, for any number of goroutines. It is also what asynq and asynqmon need to
// make connections of their own.
type Conn struct {
	Redis redis.UniversalClient

	options    *redis.UniversalOptions
	instrument []func(redis.UniversalClient) error
	addr       string // for people
}

var _ asynq.RedisConnOpt = (*Conn)(nil)

// Open returns a connection. It does not connect yet: Ping does. It returns a ModelConfigError for settings that contradict
// each other.
func Open(cfg Config) (*Conn, error) {
	o := &redis.UniversalOptions{
		DB: cfg.DB, Username: cfg.Username, Password: cfg.Password, TLSConfig: cfg.TLS,
		DialTimeout: 2 * time.Second, DialerRetries: 1,
		ReadTimeout: 3 * time.Second, WriteTimeout: 3 * time.Second,
		MaxRetries: 2, MaxRetryBackoff: 200 * time.Millisecond,
		ContextTimeoutEnabled:    true,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	c := &Conn{options: o, instrument: cfg.Instrument}
	switch sentinel := cfg.Sentinel.Master != "" || len(cfg.Sentinel.Addrs) > 0; {
	case sentinel && len(cfg.Cluster) > 0:
		return nil, retrain.Errorf(retrain.ModelConfigError, "redis.sentinel and redis.cluster exclude each other")
	case sentinel && (cfg.Sentinel.Master == "" || len(cfg.Sentinel.Addrs) == 0):
		return nil, retrain.Errorf(retrain.ModelConfigError, "redis.sentinel needs both master and addrs")
	case sentinel:
		o.MasterName, o.Addrs = cfg.Sentinel.Master, cfg.Sentinel.Addrs
		o.SentinelUsername, o.SentinelPassword = cfg.Sentinel.Username, cfg.Sentinel.Password
		c.addr = "sentinel " + cfg.Sentinel.Master + "@" + strings.Join(o.Addrs, ",")
	case len(cfg.Cluster) > 0 && cfg.DB != 0:
		return nil, retrain.Errorf(retrain.ModelConfigError, "redis.db is %d, but a cluster has only 0", cfg.DB)
	case len(cfg.Cluster) > 0:
		o.Addrs, o.IsClusterMode = cfg.Cluster, true
		c.addr = "cluster " + strings.Join(o.Addrs, ",")
	default:
		c.addr = cmp.Or(cfg.Addr, "127.0.0.1:6379")
		o.Addrs = []string{c.addr}
	}
	redis.SetLogger(driverLog{})
	c.Redis = c.client()
	return c, nil
}

// MakeRedisClient returns a new redis.UniversalClient with the same settings; who asks for it closes it.
func (c *Conn) MakeRedisClient() any { return c.client() }

// How old a cluster's map may be. The driver looks at it anew when a node sends it elsewhere, but a node that is gone sends
// nobody: for as long as this it is dialled after its replica has taken over.
const mapAge = 3 * time.Second

func (c *Conn) client() redis.UniversalClient {
	client := c.plainClient()
	for _, instrument := range c.instrument {
		if err := instrument(client); err != nil { // then it is not seen, and works
			slog.Warn("instrument the Redis client", "err", err)
		}
	}
	return client
}

func (c *Conn) plainClient() redis.UniversalClient {
	if !c.options.IsClusterMode {
		return redis.NewUniversalClient(c.options)
	}
	o := c.options.Cluster()
	o.ClusterStateReloadInterval = mapAge
	return redis.NewClusterClient(o)
}

// Addr returns where Redis is, for people.
func (c *Conn) Addr() string { return c.addr }

// Ping reports whether Redis answers, by an UnavailableError that names its address where it does not.
func (c *Conn) Ping(ctx context.Context) error { return c.fault(c.Redis.Ping(ctx).Err(), "ping") }

// Close closes the connections.
func (c *Conn) Close() error { return c.Redis.Close() }

// queue returns what tasks are enqueued with. A new one each time, since asynq remembers for ever which queues it entered
// into its list of queues: after that list was lost, only a new client enters them again.
func (c *Conn) queue() *asynq.Client { return asynq.NewClientFromRedisClient(c.Redis) }

func (c *Conn) inspector() *asynq.Inspector { return asynq.NewInspectorFromRedisClient(c.Redis) }

// driverLog takes what go-redis has to say for itself. Whatever matters reaches us as an error as well.
type driverLog struct{}

func (driverLog) Printf(ctx context.Context, format string, args ...any) {
	slog.DebugContext(ctx, "redis driver", "message", fmt.Sprintf(format, args...))
}
