// Package gateway is an S3 server inside this process, over a folder. It is versitygw, which runs once per process and makes
// the folder the process's working directory: use absolute paths beside it.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"

	"retrain"
)

// Region is what the server calls its region.
const Region = "us-east-1"

// An S3 is a server over a folder.
type S3 struct {
	Dir             string // absolute; the objects lie in s3/ of it, each bucket a folder
	Port            int    // of the loopback interface
	AccessKeyID     string
	SecretAccessKey string
	Synced          bool // an object is on the disk, not only in the system's memory, before a write is acknowledged

	stop  context.CancelFunc
	ended chan struct{}
	err   error // read it after ended
}

// Start returns when the server accepts connections. It returns false where the folder's file system keeps no extended
// attributes: objects' attributes then lie in files beside them, and a kill between the two can spoil an object.
func (s *S3) Start(ctx context.Context) (attributes bool, err error) {
	storer, attributes, err := s.storer()
	if err != nil {
		return false, fmt.Errorf("s3: %w", err)
	}
	files, err := posix.New(s.path("s3"), storer, posix.PosixOpts{CopyObjectThreshold: 5 << 30})
	if err != nil {
		return false, fmt.Errorf("s3: %w", err)
	}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx)) // Stop ends it, after those who write to it
	s.ended = make(chan struct{})
	listening := make(chan struct{})
	root := auth.Account{Access: s.AccessKeyID, Secret: s.SecretAccessKey, Role: auth.RoleAdmin}
	cfg := embedgw.Config{IAMService: auth.NewIAMServiceSingle(root), RootUserAccess: s.AccessKeyID, RootUserSecret: s.SecretAccessKey, Region: Region, Ports: []string{s.addr()},
		MaxConnections: 10_000, MaxRequests: 10_000, MultipartMaxParts: 10_000, KeepAlive: true, DisableACLs: true, Quiet: true,
		S3Options: []s3api.Option{s3api.WithOnListen(func() { close(listening) })}}
	go func() {
		s.err = embedgw.RunVersityGW(ctx, backendOf(newLister(files, storer), s.Synced), &cfg)
		close(s.ended)
	}()
	select {
	case <-listening:
		return attributes, nil
	case <-s.ended:
		s.stop()
		return false, retrain.Errorf(retrain.UnavailableError, "s3 on %s: %w", s.addr(), s.err)
	}
}

// storer chooses where the objects' attributes are kept. What was chosen once stays.
func (s *S3) storer() (_ meta.MetadataStorer, attributes bool, err error) {
	if err := os.MkdirAll(s.path("s3"), 0o700); err != nil {
		return nil, false, err
	}
	beside := s.path("s3-attributes")
	if _, err := os.Stat(beside); err != nil && keepsAttributes(s.path("s3")) {
		return meta.XattrMeta{}, true, nil
	}
	if err := os.MkdirAll(beside, 0o700); err != nil {
		return nil, false, err
	}
	sidecar, err := meta.NewSideCar(beside)
	return sidecar, false, err
}

// keepsAttributes tries.
func keepsAttributes(dir string) bool {
	f, err := os.CreateTemp(dir, ".attributes-")
	if err != nil {
		return false
	}
	defer os.Remove(f.Name())
	defer f.Close()
	return syscall.Setxattr(f.Name(), "user.retrain", make([]byte, 256), 0) == nil
}

func (s *S3) path(name string) string { return filepath.Join(s.Dir, name) }

func (s *S3) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// Endpoint returns the server's URL.
func (s *S3) Endpoint() string { return "http://" + s.addr() }

// CreateBucket creates a bucket unless it is there.
func (s *S3) CreateBucket(ctx context.Context, name string) error {
	endpoint := s.Endpoint()
	client := s3.New(s3.Options{BaseEndpoint: &endpoint, Region: Region, UsePathStyle: true, Credentials: s})
	_, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
	if err == nil {
		return nil
	}
	if _, err = client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
		return retrain.Errorf(retrain.UnavailableError, "create bucket %s: %w", name, err)
	}
	return nil
}

// Wait returns nil when ctx ends, and an error when the server does.
func (s *S3) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.ended:
		return fmt.Errorf("s3 has ended: %w", s.err)
	}
}

// How long requests at work may take at the end. The library waits much longer, for connections too on which nobody has asked
// anything yet.
const grace = 2 * time.Second

// Stop ends the server; requests at work are finished first, within the grace.
func (s *S3) Stop() error {
	s.stop()
	select {
	case <-s.ended:
	case <-time.After(grace):
		return nil // what is still open ends with the process
	}
	if errors.Is(s.err, context.Canceled) {
		return nil
	}
	return s.err
}
