package s3io

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
	"github.com/aws/smithy-go/tracing"

	"retrain"
)

// Config says where a bucket is and who asks.
type Config struct {
	Bucket          string
	Prefix          string // "" or like "a/b": our keys begin with it
	Endpoint        string // "" is AWS
	Region          string // "" is what the environment says, else us-east-1
	PathStyle       bool   // http://host/bucket instead of http://bucket.host
	AccessKeyID     string // "" is the AWS chain: environment, shared files, instance roles
	SecretAccessKey string
	AssumeRole      string // ARN of a role that is taken on with those credentials
	ExternalID      string // what the owner of that role wants to hear
	CA              string // a PEM file: the authorities that are trusted, instead of the system's
	Encryption      string // AES256 or aws:kms; "" is what the bucket does by itself
	KMSKey          string // for aws:kms; "" is the account's own

	Instrument []func(*middleware.Stack) error // what counts and follows the requests; none by default
	Tracer     tracing.TracerProvider          // nil: nothing is followed
}

// Patience. A request that does not get through is better given up while whoever asked still waits: everything in Retrain is
// asked again, by a client with the same batch id, by the queue or by the next sweep.
const (
	dialTimeout = 5 * time.Second
	stall       = 20 * time.Second       // without a byte in either direction; big objects take as long as they need
	attempts    = 5                      // of one request: rides out a restarted server or a 503
	backoff     = 100 * time.Millisecond // before the second attempt, doubled each time: a server that is down is reported within 2 s
	connections = 64                     // kept open: readers ask for many small objects at once
)

// Open returns the bucket that cfg names. It does not ask the server yet: Check does.
func Open(ctx context.Context, cfg Config) (Bucket, error) {
	if cfg.Bucket == "" {
		return nil, retrain.Errorf(retrain.ModelConfigError, "s3.bucket is missing").WithHint("name the bucket: s3: {bucket: …}")
	}
	client, err := cfg.client(ctx)
	if err != nil {
		return nil, err
	}
	return Under(&s3Bucket{client: client, cfg: cfg}, cfg.Prefix), nil
}

// Create makes the bucket that cfg names, unless it exists.
func Create(ctx context.Context, cfg Config) error {
	client, err := cfg.client(ctx)
	if err != nil {
		return err
	}
	in := &s3.CreateBucketInput{Bucket: &cfg.Bucket}
	if region := client.Options().Region; cfg.Endpoint == "" && region != "us-east-1" { // the one region that AWS wants unnamed
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}
	}
	_, err = client.CreateBucket(ctx, in)
	if code := apiCode(err); code == "BucketAlreadyOwnedByYou" || code == "BucketAlreadyExists" {
		return nil // the second may be somebody else's; then Check says that access is denied
	}
	return cfg.translate(ctx, "create", "", err)
}

func (cfg Config) client(ctx context.Context) (*s3.Client, error) {
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(httpClient()),
		config.WithDefaultRegion("us-east-1"),
		config.WithRetryer(func() aws.Retryer {
			standard := retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.Backoff = attempts, retry.BackoffDelayerFunc(delay)
			})
			return retry.AddWithErrorCodes(standard, beingWritten)
		}),
	}
	if cfg.Region != "" {
		load = append(load, config.WithRegion(cfg.Region))
	}
	if cfg.AccessKeyID != "" {
		load = append(load, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(cfg.AccessKeyID, cfg.SecretAccessKey, "")))
	}
	if cfg.CA != "" {
		authorities, err := os.ReadFile(cfg.CA)
		if err != nil {
			return nil, retrain.Errorf(retrain.ModelConfigError, "s3.ca: %w", err)
		}
		load = append(load, config.WithCustomCABundle(bytes.NewReader(authorities)))
	}
	loaded, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, retrain.Errorf(retrain.ModelConfigError, "s3: AWS configuration: %w", err)
	}
	if cfg.AssumeRole != "" {
		loaded.Credentials = cfg.role(loaded)
	}
	return s3.NewFromConfig(loaded, func(o *s3.Options) {
		o.UsePathStyle = cfg.PathStyle
		if cfg.Endpoint != "" {
			o.BaseEndpoint = &cfg.Endpoint
		}
		o.APIOptions = append(o.APIOptions, cfg.Instrument...)
		if cfg.Tracer != nil {
			o.TracerProvider = cfg.Tracer
		}
		o.DisableLogOutputChecksumValidationSkipped = true // servers that send no checksum are common, and not news
	}), nil
}

// role returns credentials of a role that who is configured may take on. They are taken anew before they end.
func (cfg Config) role(as aws.Config) aws.CredentialsProvider {
	return aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(as), cfg.AssumeRole, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "retrain"
		if cfg.ExternalID != "" {
			o.ExternalID = &cfg.ExternalID
		}
	}))
}

// encrypted says how an object is to be encrypted.
func (cfg Config) encrypted(in *s3.PutObjectInput) *s3.PutObjectInput {
	in.ServerSideEncryption = types.ServerSideEncryption(cfg.Encryption)
	if cfg.KMSKey != "" {
		in.SSEKMSKeyId = &cfg.KMSKey
	}
	return in
}

// delay returns how long to wait after an attempt, from 1. Half of it is chance, so that those who failed together don't come
// back together.
func delay(attempt int, _ error) (time.Duration, error) {
	d := backoff << (attempt - 1)
	return d/2 + rand.N(d/2), nil
}

func httpClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		dial := (&net.Dialer{Timeout: dialTimeout}).DialContext
		t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return impatient{c}, nil
		}
		t.MaxIdleConns = connections
		t.MaxIdleConnsPerHost = connections
		t.IdleConnTimeout = stall - time.Second // before impatient closes it under a request
	})
}

// impatient is a connection whose peer must not fall silent: a half-open one would otherwise hold its request for a quarter of
// an hour.
type impatient struct{ net.Conn }

func (c impatient) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(stall)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c impatient) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
