package tasks

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A QueueDepth is how many tasks of one queue are where.
type QueueDepth struct {
	Queue     string `json:"queue"`
	Pending   int    `json:"pending"`   // wait for a worker
	Active    int    `json:"active"`    // are at a worker, dead ones included
	Leased    int    `json:"leased"`    // are at a worker that lived half a minute ago
	Orphans   int    `json:"orphans"`   // seem to be at a worker and are not: asynq has lost them; their runs are handed on by sweeps
	Scheduled int    `json:"scheduled"` // wait for their time
	Retry     int    `json:"retry"`     // wait to be tried again
	Archived  int    `json:"archived"`  // were given up
	Completed int    `json:"completed"` // ended well not long ago
}

// A ServerInfo is a process that serves queues.
type ServerInfo struct {
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Queues  []string  `json:"queues"` // sorted
	AtOnce  int       `json:"atOnce"` // how many tasks it takes at once
	Busy    int       `json:"busy"`   // how many it has
	Started time.Time `json:"started"`
}

// Depths returns the depth of each of our queues, sorted by name. It reads asynq's keys itself, all in one go: asynq's own
// inspection also measures memory, which takes long, and some managed servers refuse it.
func (c *Conn) Depths(ctx context.Context) ([]QueueDepth, error) {
	names := queueNames()
	depths := make([]QueueDepth, len(names))
	counts := make(map[*int]*redis.IntCmd)
	_, err := c.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range names {
			d, key := &depths[i], "asynq:{"+name+"}:"
			d.Queue = name
			counts[&d.Pending], counts[&d.Active] = p.LLen(ctx, key+"pending"), p.LLen(ctx, key+"active")
			counts[&d.Leased], counts[&d.Scheduled] = p.ZCard(ctx, key+"lease"), p.ZCard(ctx, key+"scheduled")
			counts[&d.Retry], counts[&d.Archived] = p.ZCard(ctx, key+"retry"), p.ZCard(ctx, key+"archived")
			counts[&d.Completed] = p.ZCard(ctx, key+"completed")
		}
		return nil
	})
	if err != nil {
		return nil, c.fault(err, "count the queues")
	}
	for n, cmd := range counts {
		*n = int(cmd.Val())
	}
	return depths, c.orphans(ctx, depths)
}

const (
	mostActive   = 1000            // active tasks of a queue that are looked at
	pastRecovery = 5 * time.Minute // after a lease has ended asynq has long tried its task again
)

// orphans counts the tasks that are active without a lease: asynq never finds them again by itself.
func (c *Conn) orphans(ctx context.Context, depths []QueueDepth) error {
	for i := range depths {
		key := "asynq:{" + depths[i].Queue + "}:"
		if depths[i].Leased > 0 { // asynq would have recovered them by now, could it read them
			past := strconv.FormatInt(time.Now().Add(-pastRecovery).Unix(), 10)
			n, err := c.Redis.ZCount(ctx, key+"lease", "-inf", past).Result()
			if err != nil {
				return c.fault(err, "look for orphans")
			}
			depths[i].Orphans += int(n)
		}
		if depths[i].Active == 0 {
			continue
		}
		ids, err := c.Redis.LRange(ctx, key+"active", 0, mostActive).Result()
		if err != nil || len(ids) == 0 {
			return c.fault(err, "look for orphans")
		}
		leases, err := c.Redis.ZMScore(ctx, key+"lease", ids...).Result()
		if err != nil {
			return c.fault(err, "look for orphans")
		}
		for _, until := range leases { // 0: none
			if until == 0 {
				depths[i].Orphans++
			}
		}
	}
	return nil
}

// queueNames returns the names of all our queues, sorted.
func queueNames() []string {
	names := make([]string, 0, len(lanes)+1)
	for lane := range lanes {
		names = append(names, trainQueue(lane))
	}
	names = append(names, predictQueue)
	slices.Sort(names)
	return names
}

// Servers returns the processes that serve our queues, sorted by host. One that died is listed for ten seconds more.
func (c *Conn) Servers(ctx context.Context) ([]ServerInfo, error) {
	infos, err := c.inspector().Servers()
	if err != nil {
		return nil, c.queueFault(ctx, err, "list the workers")
	}
	servers := []ServerInfo{}
	for _, i := range infos {
		if i.Status == "active" {
			servers = append(servers, ServerInfo{Host: i.Host, PID: i.PID, Queues: slices.Sorted(maps.Keys(i.Queues)),
				AtOnce: i.Concurrency, Busy: len(i.ActiveWorkers), Started: i.Started})
		}
	}
	slices.SortFunc(servers, func(a, b ServerInfo) int { return strings.Compare(a.Host, b.Host) })
	return servers, nil
}
