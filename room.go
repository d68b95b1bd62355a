package retrain

import (
	"cmp"
	"context"
	"slices"
)

// How many versions stay that are neither champion nor the one before, but were asked for by number or label.
const spareVersions = 4

// A tenant is a loaded version in its place.
type tenant struct {
	*place
	*serving
	rank int // who is given up first: spare versions, then those before the champions, then champions
}

// makeRoom gives up the versions that nobody needs, and beyond the limit of memory those that were asked longest ago. l.mu is held.
func (l *Live) makeRoom() {
	var tenants []tenant
	for _, p := range l.places {
		for version, s := range p.loaded {
			switch {
			case s == p.champion, version == p.pointer.Version:
				tenants = append(tenants, tenant{p, s, 2})
			case version == p.pointer.Previous:
				tenants = append(tenants, tenant{p, s, 1})
			case s.asked.Load():
				tenants = append(tenants, tenant{p, s, 0})
			default:
				l.drop(p, s)
			}
		}
	}
	slices.SortFunc(tenants, func(a, b tenant) int {
		return cmp.Or(a.rank-b.rank, cmp.Compare(a.used.Load(), b.used.Load()))
	})
	spare := 0
	for _, t := range tenants {
		if t.rank == 0 {
			spare++
		}
	}
	for i, t := range tenants[:max(0, len(tenants)-1)] { // the last is what is asked right now
		tooMany := t.rank == 0 && spare-i > spareVersions
		if tooMany || l.Memory > 0 && l.size > l.Memory {
			l.drop(t.place, t.serving)
		}
	}
}

// drop takes a version out of its place, and frees it when its last user has left. l.mu is held.
func (l *Live) drop(p *place, s *serving) {
	delete(p.loaded, s.version)
	l.size -= s.Size()
	if p.champion == s {
		p.champion, p.deferred = nil, true
	}
	model := p.pointer.Model
	l.leaving.Go(func() {
		s.users.Wait()
		if err := s.Close(); err != nil {
			l.Log.Warn("free", "model", model, "version", s.version, "err", err)
		}
	})
}

// full reports whether another version would take more memory than there is. l.mu is held.
func (l *Live) full() bool {
	count := 0
	for _, p := range l.places {
		count += len(p.loaded) + len(p.loading)
	}
	return l.Memory > 0 && count > 0 && l.size+l.size/int64(count) > l.Memory
}

// leave frees what is loaded of models that are none of these: they are disposed of. As that is for good, their names are read anew
// before.
func (l *Live) leave(ctx context.Context, names []string) {
	if len(l.strangers(names)) == 0 {
		return
	}
	l.Catalog.Forget()
	names, err := l.Catalog.Names(ctx)
	if err != nil {
		return // the next look tries again
	}
	for _, name := range l.strangers(names) {
		l.mu.Lock()
		p := l.places[name]
		delete(l.places, name)
		p.gone = true
		for _, way := range p.loading {
			way.cancel()
		}
		for _, s := range p.loaded {
			l.drop(p, s)
		}
		l.nowReady()
		l.mu.Unlock()
		l.Log.InfoContext(ctx, "disposed of, not served any more", "model", name)
	}
}

// strangers returns the models that have a place and are none of these.
func (l *Live) strangers(names []string) (strangers []string) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for name := range l.places {
		if !slices.Contains(names, name) {
			strangers = append(strangers, name)
		}
	}
	return strangers
}
