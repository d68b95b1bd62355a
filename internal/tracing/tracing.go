// Package tracing follows what happens across processes with OpenTelemetry, where somebody collects it. Without an endpoint there is
// no Tracer, and nothing is asked of anybody on any path.
package tracing

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	spans "go.opentelemetry.io/otel/trace"

	"retrain"
)

// A Tracer sends spans to a collector. A nil one does nothing.
type Tracer struct {
	provider *trace.TracerProvider
	tracer   spans.Tracer
}

var _ retrain.Tracer = (*Tracer)(nil)

// The format in which spans are named between processes: W3C's traceparent.
var format propagation.TraceContext

const header = "traceparent"

// Open returns what sends spans to an endpoint, which is an address like http://collector:4318. Where it is "" the environment is
// asked, by OpenTelemetry's own names; where that says nothing either, or OTEL_SDK_DISABLED=true, there is no Tracer: nil.
func Open(ctx context.Context, endpoint, service, version string, log *slog.Logger) (*Tracer, error) {
	fromEnv := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || endpoint == "" && !fromEnv {
		return nil, nil //nolint:nilnil // nothing is followed, which is no error
	}
	var to []otlptracehttp.Option
	if endpoint != "" {
		to = append(to, otlptracehttp.WithEndpointURL(strings.TrimSuffix(endpoint, "/")+"/v1/traces"))
	}
	exporter, err := otlptracehttp.New(ctx, to...)
	if err != nil {
		return nil, retrain.Errorf(retrain.ModelConfigError, "tracing to %q: %w", endpoint, err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", service), attribute.String("service.version", version)),
		resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		return nil, retrain.Errorf(retrain.ModelConfigError, "tracing: %w", err)
	}
	p := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(about))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { // where to is the process's own: a collector that is away is no error of ours
		log.Warn("traces", "err", err)
	}))
	return &Tracer{p, p.Tracer("retrain", spans.WithInstrumentationVersion(version))}, nil
}

// How long a collector is waited for at the end.
const lastWords = 5 * time.Second

// Close sends what was not sent yet. A collector that is away loses it, which is no error.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), lastWords)
	defer stop()
	_ = t.provider.Shutdown(ctx)
}

// Parts returns t for those who take an interface, for which a nil *Tracer would be a tracer.
func (t *Tracer) Parts() retrain.Tracer {
	if t == nil {
		return nil
	}
	return t
}

// Handler returns h with a span for each request. What watches over the process is left out.
func (t *Tracer) Handler(h http.Handler) http.Handler {
	if t == nil {
		return h
	}
	watching := func(r *http.Request) bool {
		return r.URL.Path != "/metrics" && r.URL.Path != "/healthz" && r.URL.Path != "/readyz"
	}
	named := func(_ string, r *http.Request) string {
		if r.Pattern == "" || strings.HasPrefix(r.Pattern, r.Method) {
			return cmp.Or(r.Pattern, r.Method)
		}
		return r.Method + " " + r.Pattern
	}
	return otelhttp.NewHandler(h, "", otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(format), otelhttp.WithFilter(watching),
		otelhttp.WithSpanNameFormatter(named))
}

// Transport returns what sends requests, each in a span that it tells the server.
func (t *Tracer) Transport(base http.RoundTripper) http.RoundTripper {
	if t == nil {
		return base
	}
	return otelhttp.NewTransport(base, otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(format))
}

// Redis makes a client followed: the names of commands, not what they say. Commands outside of any trace, such as those that look
// into queues, are left out.
func (t *Tracer) Redis(client redis.UniversalClient) error {
	return redisotel.InstrumentTracing(client, redisotel.WithTracerProvider(inTraces{t.provider}), redisotel.WithDBStatement(false),
		redisotel.WithCallerEnabled(false), redisotel.WithDialFilter(true))
}

// Begin implements retrain.Tracer. A span whose facts say so is a message's sender or receiver.
func (t *Tracer) Begin(ctx context.Context, name string, facts ...any) (context.Context, func(error)) {
	kind, list := spans.SpanKindInternal, make([]attribute.KeyValue, 0, len(facts)/2)
	for i := 0; i+1 < len(facts); i += 2 {
		fact := attributeOf(fmt.Sprint(facts[i]), facts[i+1])
		list = append(list, fact)
		switch {
		case fact.Key != "messaging.operation.type":
		case fact.Value.AsString() == "send":
			kind = spans.SpanKindProducer
		default:
			kind = spans.SpanKindConsumer
		}
	}
	options := []spans.SpanStartOption{spans.WithAttributes(list...), spans.WithSpanKind(kind)}
	if other, ok := ctx.Value(left{}).(spans.SpanContext); ok {
		options = append(options, spans.WithLinks(spans.Link{SpanContext: other}))
		ctx = context.WithValue(ctx, left{}, nil)
	}
	ctx, span := t.tracer.Start(ctx, name, options...) //nolint:spancheck // who begins it ends it
	return ctx, func(err error) {                      //nolint:spancheck // see above
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, string(retrain.CodeOf(err)))
		}
		span.End()
	}
}

func attributeOf(name string, v any) attribute.KeyValue {
	if name == "model" || name == "run" || name == "version" || name == "batch" || name == "resource" || name == "reason" {
		name = "retrain." + name
	}
	if n, ok := v.(int); ok {
		return attribute.Int(name, n)
	}
	return attribute.String(name, fmt.Sprint(v))
}

// Mark implements retrain.Tracer.
func (t *Tracer) Mark(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	format.Inject(ctx, carrier)
	return carrier[header]
}

// left is the key of the span that a context was in before it was taken into another trace: the next span is linked to it.
type left struct{}

// Within implements retrain.Tracer.
func (t *Tracer) Within(ctx context.Context, mark string) context.Context {
	was := spans.SpanContextFromContext(ctx)
	marked := spans.SpanContextFromContext(format.Extract(context.WithoutCancel(ctx), propagation.MapCarrier{header: mark}))
	if !marked.IsValid() || marked.Equal(was) || marked.TraceID() == was.TraceID() {
		return ctx
	}
	if was.IsValid() {
		ctx = context.WithValue(ctx, left{}, was)
	}
	return spans.ContextWithRemoteSpanContext(ctx, marked)
}
