package tasks

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// A Sign is a worker's sign of life, with what others cannot know of its machine.
type Sign struct {
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Role    string    `json:"role"`              // train, predict
	Version string    `json:"version"`           // of the program
	Library string    `json:"library,omitempty"` // TensorFlow's version
	Devices []Device  `json:"devices"`
	At      time.Time `json:"at"` // when it was last heard of
}

// A Device is a processor that a worker computes on.
type Device struct {
	Kind   string `json:"kind"`             // CPU, GPU
	Memory int64  `json:"memory,omitempty"` // bytes that TensorFlow may use of a GPU
}

// Signs are the workers' signs of life.
type Signs struct{ Conn *Conn }

const (
	signHolds = 45 * time.Second // so long a sign counts: workers give one every 15 seconds
	signStays = time.Hour
)

// Give gives a sign of life.
func (s *Signs) Give(ctx context.Context, sign Sign) error {
	sign.At = time.Now().UTC()
	b, err := json.Marshal(sign)
	if err != nil {
		return err
	}
	field := fmt.Sprintf("%s:%d:%s", sign.Host, sign.PID, sign.Role)
	return s.Conn.fault(s.Conn.Redis.HSet(ctx, signsKey, field, b).Err(), "give a sign of life")
}

// Alive returns the signs that were given lately, sorted by host and role.
func (s *Signs) Alive(ctx context.Context) ([]Sign, error) {
	all, err := s.Conn.Redis.HGetAll(ctx, signsKey).Result()
	if err != nil {
		return nil, s.Conn.fault(err, "look for signs of life")
	}
	alive, now := []Sign{}, time.Now()
	for field, text := range all {
		var sign Sign
		if json.Unmarshal([]byte(text), &sign) != nil || now.Sub(sign.At) > signStays {
			if err := s.Conn.Redis.HDel(ctx, signsKey, field).Err(); err != nil {
				return nil, s.Conn.fault(err, "forget an old sign of life")
			}
			continue
		}
		if now.Sub(sign.At) < signHolds {
			alive = append(alive, sign)
		}
	}
	slices.SortFunc(alive, func(a, b Sign) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Role, b.Role), cmp.Compare(a.PID, b.PID))
	})
	return alive, nil
}
