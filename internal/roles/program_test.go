package roles_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"retrain/internal/roles"
)

func TestWithin(t *testing.T) {
	wrong := errors.New("wrong")
	for _, test := range []struct {
		name  string
		takes time.Duration // after it was told to end; below 0: it ends by itself
		want  error
		most  time.Duration
	}{
		{"by itself", -1, wrong, 0},
		{"when it is told to", time.Second, wrong, time.Second},
		{"never", time.Hour, nil, 5 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				if test.takes >= 0 {
					time.AfterFunc(time.Minute, stop)
				}
				began, done := time.Now(), make(chan struct{})
				err := roles.Within(ctx, slog.New(slog.DiscardHandler), func() error {
					defer close(done)
					if test.takes >= 0 {
						<-ctx.Done()
						<-time.After(test.takes)
					}
					return wrong
				})
				if took := time.Since(began) - time.Minute; !errors.Is(err, test.want) || took > test.most {
					t.Errorf("got %v after %v", err, took)
				}
				stop()
				<-done
			})
		})
	}
}
