package tasks

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Finding is one thing that doctor looked at.
type Finding struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// untold is the detail of what a managed server keeps to itself.
const untold = "the server does not tell"

// The oldest Redis whose commands our scripts use.
const oldestMajor, oldestMinor = 6, 2

// Check looks whether Redis is fit to be used: its version, that it evicts nothing, that it survives a restart, and its clock.
// What a managed server keeps to itself is said, but is no fault. It returns an UnavailableError where nobody answers.
func (c *Conn) Check(ctx context.Context) ([]Finding, error) {
	if err := c.Ping(ctx); err != nil {
		return nil, err
	}
	findings := make(map[string]Finding)
	var order []string
	for _, facts := range c.facts(ctx) { // of every node the worst is told
		for _, f := range []Finding{version(facts["redis_version"]), eviction(facts["maxmemory_policy"]), persistence(facts)} {
			was, seen := findings[f.Name]
			if !seen {
				order = append(order, f.Name)
			}
			if node := facts["node"]; !f.OK && node != "" {
				f.Detail += " (node " + node + ")"
			}
			if !seen || was.OK && !f.OK {
				findings[f.Name] = f
			}
		}
	}
	all := make([]Finding, 0, len(order)+1)
	for _, name := range order {
		all = append(all, findings[name])
	}
	return append(all, c.clock(ctx)), nil
}

// facts returns what the server, or each master of a cluster, tells of itself. INFO rather than CONFIG, which managed servers
// refuse. Whoever refuses INFO too tells nothing.
func (c *Conn) facts(ctx context.Context) []map[string]string {
	cluster, ok := c.Redis.(*redis.ClusterClient)
	if !ok {
		return []map[string]string{infoOf(ctx, c.Redis)}
	}
	var mu sync.Mutex // guards the following
	var all []map[string]string
	_ = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { // who does not answer tells nothing
		facts := infoOf(ctx, node)
		facts["node"] = node.Options().Addr
		mu.Lock()
		defer mu.Unlock()
		all = append(all, facts)
		return nil
	})
	slices.SortFunc(all, func(a, b map[string]string) int { return strings.Compare(a["node"], b["node"]) })
	return all
}

func infoOf(ctx context.Context, node redis.Cmdable) map[string]string {
	facts := make(map[string]string)
	text, err := node.Info(ctx).Result()
	if err != nil {
		return facts
	}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		facts[name] = value
	}
	return facts
}

// Process names the processes that Redis is, "" where the server does not tell. When one was started anew, its data may be older
// than they were.
func (c *Conn) Process(ctx context.Context) (string, error) {
	if err := c.Ping(ctx); err != nil {
		return "", err
	}
	var names []string
	for _, facts := range c.facts(ctx) {
		names = append(names, facts["run_id"])
	}
	return strings.Join(names, " "), nil
}

func version(v string) Finding {
	f := Finding{Name: "redis version", OK: true, Detail: v}
	if v == "" {
		f.Detail = untold
		return f
	}
	major, rest, _ := strings.Cut(v, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, _ := strconv.Atoi(major)
	b, _ := strconv.Atoi(minor)
	if a < oldestMajor || a == oldestMajor && b < oldestMinor {
		f.OK, f.Detail = false, fmt.Sprintf("%s, but %d.%d is needed", v, oldestMajor, oldestMinor)
	}
	return f
}

func eviction(policy string) Finding {
	f := Finding{Name: "redis eviction", OK: true, Detail: "maxmemory-policy " + policy}
	switch policy {
	case "noeviction":
	case "":
		f.Detail = untold + "; it must be maxmemory-policy noeviction"
	default:
		f.OK = false
		f.Detail += " drops keys when memory is short: it must be noeviction"
	}
	return f
}

func persistence(facts map[string]string) Finding {
	f := Finding{Name: "redis persistence", OK: true}
	switch aof := facts["aof_enabled"]; {
	case aof == "":
		f.Detail = untold
	case aof != "1":
		f.OK = false
		f.Detail = "appendonly is off: after a restart everything is rebuilt from S3, and runs wait for that"
	case facts["aof_last_write_status"] != "ok":
		f.OK = false
		f.Detail = "appendonly is on, but the last write to its file went wrong"
	default:
		f.Detail = "appendonly is on"
	}
	return f
}

// clock compares the server's clock with ours. Nothing depends on it but what people read.
func (c *Conn) clock(ctx context.Context) Finding {
	f := Finding{Name: "redis clock", OK: true}
	theirs, err := c.Redis.Time(ctx).Result()
	if err != nil {
		f.Detail = untold
		return f
	}
	off := time.Since(theirs).Round(time.Millisecond)
	f.OK, f.Detail = off.Abs() < time.Second, fmt.Sprintf("differs by %s", off)
	return f
}
