package tracing

import (
	"context"
	"strings"

	"github.com/aws/smithy-go/tracing"
	"go.opentelemetry.io/otel/codes"
	spans "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
	"go.opentelemetry.io/otel/trace/noop"
)

// inTraces begins spans only within others: a process that looks for work each second begins no trace each second.
type inTraces struct{ spans.TracerProvider }

// Tracer implements trace.TracerProvider.
func (p inTraces) Tracer(name string, options ...spans.TracerOption) spans.Tracer {
	return tracerInTraces{tracer: p.TracerProvider.Tracer(name, options...)}
}

type tracerInTraces struct {
	embedded.Tracer

	tracer spans.Tracer
}

// Start implements trace.Tracer.
func (t tracerInTraces) Start(ctx context.Context, name string, options ...spans.SpanStartOption) (context.Context, spans.Span) {
	if !spans.SpanContextFromContext(ctx).IsValid() {
		return ctx, noop.Span{}
	}
	return t.tracer.Start(ctx, name, options...) //nolint:spancheck // who begins it ends it
}

// S3 returns what the AWS SDK tells of its requests to. Of the many spans that it has, those of whole operations are kept.
func (t *Tracer) S3() tracing.TracerProvider {
	if t == nil {
		return nil
	}
	return operations{t}
}

type operations struct{ to *Tracer }

// Tracer implements tracing.TracerProvider.
func (o operations) Tracer(scope string, _ ...tracing.TracerOption) tracing.Tracer {
	return operationTracer{inTraces{o.to.provider}.Tracer(scope)}
}

type operationTracer struct{ tracer spans.Tracer }

// StartSpan implements tracing.Tracer.
func (o operationTracer) StartSpan(ctx context.Context, name string, _ ...tracing.SpanOption) (context.Context, tracing.Span) {
	if !strings.HasPrefix(name, "S3.") {
		return ctx, operation{name: name, Span: noop.Span{}}
	}
	ctx, span := o.tracer.Start(ctx, name, spans.WithSpanKind(spans.SpanKindClient)) //nolint:spancheck // the SDK ends it
	return ctx, operation{name, span}                                                //nolint:spancheck // see above
}

// An operation is a span of ours as the SDK wants one.
type operation struct {
	name string
	spans.Span
}

// Name implements tracing.Span.
func (o operation) Name() string { return o.name }

// Context implements tracing.Span.
func (o operation) Context() tracing.SpanContext {
	c := o.SpanContext()
	return tracing.SpanContext{TraceID: c.TraceID().String(), SpanID: c.SpanID().String()}
}

// AddEvent implements tracing.Span; there is nothing in the SDK's events.
func (o operation) AddEvent(string, ...tracing.EventOption) {}

// SetStatus implements tracing.Span.
func (o operation) SetStatus(s tracing.SpanStatus) {
	if s == tracing.SpanStatusError {
		o.Span.SetStatus(codes.Error, "")
	}
}

// SetProperty implements tracing.Span; keys of objects stay out, as everything that people store.
func (o operation) SetProperty(any, any) {}

// End implements tracing.Span.
func (o operation) End() { o.Span.End() }
