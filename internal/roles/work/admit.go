package work

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"retrain"
)

// An admission lets a run begin when this machine has the memory for it. A fit keeps a bounded part of its records in memory, so
// what it needs is the smaller of that and of its data.
type admission struct {
	Most int64                      // bytes that a fit takes at most
	Room func() (free, total int64) // bytes of memory
}

// In memory records take about so many times the bytes that they take in S3, where they are compressed.
const unpacked = 8

// admit returns an UnavailableError while there is too little memory, and a TrainingError where there never will be enough.
func (a admission) admit(_ context.Context, s *retrain.Start) error {
	var bytes int64
	for i := range s.Dataset.Objects {
		bytes += s.Dataset.Objects[i].Size
	}
	need := min(bytes*unpacked, a.Most)
	switch free, total := a.Room(); {
	case need > total:
		return retrain.Errorf(retrain.TrainingError, "it needs about %s of memory, this worker has %s", size(need), size(total)).
			WithHint("worker train --memory bounds what a fit keeps in memory")
	case need > free:
		return retrain.Errorf(retrain.UnavailableError, "waits for memory: it needs about %s, %s are free", size(need), size(free))
	}
	return nil
}

func size(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}

// room returns what is free of the machine's memory, or of the container's, and how much that is in all. Where the system does not
// tell there is always enough.
func room() (free, total int64) {
	free, total = math.MaxInt64, math.MaxInt64
	facts := table("/proc/meminfo")
	if kb, ok := facts["MemAvailable:"]; ok {
		free, total = kb<<10, facts["MemTotal:"]<<10
	}
	const group = "/sys/fs/cgroup/"
	if most, ok := number(group + "memory.max"); ok && most < total {
		used, _ := number(group + "memory.current")
		total, free = most, min(free, most-used+table(group + "memory.stat")["inactive_file"])
	}
	return free, total
}

// table reads lines of a name and a number.
func table(file string) map[string]int64 {
	facts := make(map[string]int64)
	f, err := os.Open(file)
	if err != nil {
		return facts
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 1 {
			facts[words[0]], _ = strconv.ParseInt(words[1], 10, 64)
		}
	}
	return facts
}

func number(file string) (int64, bool) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64) // "max" is no number
	return n, err == nil
}
