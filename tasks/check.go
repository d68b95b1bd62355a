package tasks

import (
	"bufio"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
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
	facts := make(map[string]string)
	// INFO rather than CONFIG, which managed servers refuse. Whoever refuses INFO too tells nothing.
	if text, err := c.Redis.Info(ctx).Result(); err == nil {
		for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ":")
			facts[name] = value
		}
	}
	return []Finding{version(facts["redis_version"]), eviction(facts["maxmemory_policy"]), persistence(facts), c.clock(ctx)}, nil
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
