package embedded

import (
	"context"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Mini is a Redis inside this process, for machines without redis-server. It is slower, and forgets everything with the
// process: counts and waiting runs are then found again from S3.
type Mini struct {
	Port     int // 0: any
	Password string

	server *miniredis.Miniredis
}

// Start returns when the server answers.
func (m *Mini) Start() error {
	m.server = miniredis.NewMiniRedis()
	if m.Password != "" {
		m.server.RequireAuth(m.Password)
	}
	return m.server.StartAddr(fmt.Sprintf("127.0.0.1:%d", FreePort(m.Port)))
}

// Addr returns where the server answers.
func (m *Mini) Addr() string { return m.server.Addr() }

// Keep lets the time of the keys pass until ctx ends. Then it stops the server.
func (m *Mini) Keep(ctx context.Context) {
	const tick = 100 * time.Millisecond
	defer m.server.Close()
	for t := time.NewTicker(tick); ; {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			m.server.FastForward(tick)
		}
	}
}
