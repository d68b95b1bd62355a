package app

import (
	"context"

	"retrain"
	"retrain/tasks"
)

// A Plant is what works: the processes that serve queues, the machines' devices, and how much waits.
type Plant struct {
	Servers []tasks.ServerInfo `json:"servers"`
	Signs   []tasks.Sign       `json:"signs"`
	Queues  []tasks.QueueDepth `json:"queues"`
}

// Plant returns what works now.
func (a *App) Plant(ctx context.Context) (p Plant, err error) {
	if p.Servers, err = a.Redis.Servers(ctx); err != nil {
		return p, err
	}
	if p.Signs, err = (&tasks.Signs{Conn: a.Redis}).Alive(ctx); err != nil {
		return p, err
	}
	p.Queues, err = a.Redis.Depths(ctx)
	return p, err
}

// How far back errors are looked for among the events.
const eventsSearched = 1000

// RecentErrors returns the events that tell of something that went wrong, newest first, at most so many.
func (a *App) RecentErrors(ctx context.Context, most int) ([]retrain.Event, error) {
	events, err := a.Stream.Recent(ctx, eventsSearched)
	if err != nil {
		return nil, err
	}
	bad := []retrain.Event{}
	for _, e := range events {
		if e.Error != nil && len(bad) < most {
			bad = append(bad, e)
		}
	}
	return bad, nil
}
