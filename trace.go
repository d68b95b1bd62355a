package retrain

import (
	"context"
	"time"
)

// A Tracer follows one thing from process to process: from an insert through the run that it makes due to the first answer of the
// version that comes of it. Where there is none, nothing is followed, and nothing is stored of it.
type Tracer interface {
	// Begin begins a span within that of ctx, or a trace where there is none. It ends when end is called, with what went wrong.
	// Facts are names and values.
	Begin(ctx context.Context, name string, facts ...any) (inner context.Context, end func(error))
	// Mark names the span of ctx in a line that can be stored (a traceparent of W3C), "" for none.
	Mark(ctx context.Context) string
	// Within returns ctx within the span that mark names, unless it is in that trace already. What is no mark changes nothing.
	Within(ctx context.Context, mark string) context.Context
}

// begin is t's Begin, if there is a tracer.
func begin(ctx context.Context, t Tracer, name string, facts ...any) (context.Context, func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	return t.Begin(ctx, name, facts...)
}

// mark is t's Mark, if there is a tracer.
func mark(ctx context.Context, t Tracer) string {
	if t == nil {
		return ""
	}
	return t.Mark(ctx)
}

// within is t's Within, if there is a tracer.
func within(ctx context.Context, t Tracer, mark string) context.Context {
	if t == nil || mark == "" {
		return ctx
	}
	return t.Within(ctx, mark)
}

// fitSpans are the spans of a fit: one for each slice, or for many where they are short. However long a fit takes, it has some
// thousand spans at most.
type fitSpans struct {
	ctx    context.Context //nolint:containedctx // of the fit, which calls back without one
	tracer Tracer
	now    func() time.Time

	first, began time.Time
	end          func(error)
}

// shortest is how long a slice's span lasts at least: a hundredth of the fit so far, and a tenth of a second.
func (s *fitSpans) shortest(now time.Time) time.Duration {
	return max(100*time.Millisecond, now.Sub(s.first)/100)
}

// next begins a span.
func (s *fitSpans) next(facts ...any) {
	if s.tracer == nil {
		return
	}
	s.began = s.now()
	if s.first.IsZero() {
		s.first = s.began
	}
	_, s.end = s.tracer.Begin(s.ctx, "slice", facts...)
}

// done is called between two slices.
func (s *fitSpans) done(p Progress) {
	if s.tracer == nil || s.now().Sub(s.began) < s.shortest(s.now()) {
		return
	}
	s.end(nil)
	s.next("epoch", p.CurrentEpoch)
}

// last ends the last span, in which the fit was judged and written.
func (s *fitSpans) last() {
	if s.end != nil {
		s.end(nil)
	}
}
