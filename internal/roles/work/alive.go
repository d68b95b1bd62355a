package work

import (
	"context"
	"os"
	"time"

	"retrain/internal/app"
	"retrain/mlcore"
	"retrain/tasks"
)

// How often a worker gives a sign of life.
const signEvery = 15 * time.Second

// alive says what this process computes on, until the returned function is called, which waits for it.
func alive(ctx context.Context, a *app.App, role string) (stop func()) {
	ctx, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		signs, sign := &tasks.Signs{Conn: a.Redis}, signOf(role)
		tick := time.NewTicker(signEvery)
		defer tick.Stop()
		for {
			if err := signs.Give(ctx, sign); err != nil { // it is given again
				a.Log.DebugContext(ctx, "sign of life", "err", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() { end(); <-ended }
}

func signOf(role string) tasks.Sign {
	host, _ := os.Hostname() // asynq does the same
	sign := tasks.Sign{Host: host, PID: os.Getpid(), Role: role, Version: app.Version, Library: mlcore.Version(), Devices: []tasks.Device{}}
	if role != "train" {
		return sign // asking for GPUs takes some of their memory
	}
	for _, d := range mlcore.Devices() {
		sign.Devices = append(sign.Devices, tasks.Device{Kind: d.Kind, Memory: d.Memory})
	}
	return sign
}
