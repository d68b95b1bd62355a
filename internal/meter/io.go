package meter

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// IO counts what a process asks of S3 and of Redis.
type IO struct {
	prometheus.Collector

	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	commands prometheus.Observer
	faults   *prometheus.CounterVec
}

// NewIO returns counts of nothing.
func NewIO() *IO {
	io := &IO{
		requests: counters("retrain_s3_requests_total", "Requests to S3, each attempt of its own, by the HTTP status; none where nobody answered.", "operation", "code"),
		took:     durations("retrain_s3_request_duration_seconds", "How long S3 took to answer an attempt, without the body.", 0.001, 2.5, 10, "operation"),
		faults: counters("retrain_redis_errors_total", "Redis commands that went wrong: timeout, refused (no connection), reply (an error was answered), other.",
			"kind"),
	}
	commands := durations("retrain_redis_command_duration_seconds", "How long Redis commands and pipelines took. Those that wait for something on purpose are left out.",
		0.0001, 3, 10)
	io.commands = commands.WithLabelValues()
	for _, kind := range []string{"timeout", "refused", "reply", "other"} { // so that the first one is seen as a rise
		io.faults.WithLabelValues(kind)
	}
	io.Collector = group{io.requests, io.took, commands, io.faults}
	return io
}

// S3 makes a client of the AWS SDK counted.
func (io *IO) S3(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("retrain.Meter", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
		middleware.DeserializeOutput, middleware.Metadata, error,
	) {
		began := time.Now()
		out, data, err := next.HandleDeserialize(ctx, in)
		operation := awsmiddleware.GetOperationName(ctx)
		if answer, ok := out.RawResponse.(*smithyhttp.Response); ok && answer != nil && answer.StatusCode > 0 {
			io.requests.WithLabelValues(operation, strconv.Itoa(answer.StatusCode)).Inc()
			io.took.WithLabelValues(operation).Observe(time.Since(began).Seconds())
		} else if !errors.Is(ctx.Err(), context.Canceled) {
			io.requests.WithLabelValues(operation, "none").Inc()
		}
		return out, data, err
	}), middleware.After)
}

// Redis makes a client counted.
func (io *IO) Redis(client redis.UniversalClient) error {
	client.AddHook(hook{io})
	return nil
}

type hook struct{ io *IO }

// DialHook implements redis.Hook.
func (h hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := next(ctx, network, addr)
		if err != nil && ctx.Err() == nil {
			h.io.faults.WithLabelValues("refused").Inc()
		}
		return c, err
	}
}

// ProcessHook implements redis.Hook.
func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		began := time.Now()
		err := next(ctx, cmd)
		h.done(ctx, began, err, waits(cmd.Name()))
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		began := time.Now()
		err := next(ctx, cmds)
		h.done(ctx, began, err, false)
		return err
	}
}

func (h hook) done(ctx context.Context, began time.Time, err error, waited bool) {
	if kind := fault(ctx, err); kind != "" {
		h.io.faults.WithLabelValues(kind).Inc()
	} else if !waited {
		h.io.commands.Observe(time.Since(began).Seconds())
	}
}

// waits reports whether a command answers only when something comes.
func waits(command string) bool {
	switch command {
	case "blpop", "brpop", "brpoplpush", "blmove", "xread":
		return true
	}
	return false
}

// fault returns the kind of an error, "" for none: nothing found is none, nor is what the caller has given up, nor a script that the
// server is told next, nor a connection that was not made, which was counted where it was tried.
func fault(ctx context.Context, err error) string {
	var answered redis.Error
	var failed net.Error
	var op *net.OpError
	switch {
	case err == nil, errors.Is(err, redis.Nil), errors.Is(ctx.Err(), context.Canceled), errors.Is(err, redis.ErrClosed):
		return ""
	case errors.As(err, &answered):
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			return ""
		}
		return "reply"
	case errors.As(err, &op) && op.Op == "dial":
		return ""
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &failed) && failed.Timeout():
		return "timeout"
	}
	return "other"
}
