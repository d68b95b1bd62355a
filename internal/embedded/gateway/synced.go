package gateway

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3response"
)

// Retrieve makes an S3 its own credentials.
func (s *S3) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: s.AccessKeyID, SecretAccessKey: s.SecretAccessKey}, nil
}

// synced writes objects through to the disk, so that what was acknowledged outlives a power cut. The library leaves it to the
// system, which takes up to half a minute.
type synced struct{ lister }

func backendOf(files lister, through bool) backend.Backend {
	if through {
		return synced{files}
	}
	return files
}

// PutObject stores an object and syncs it and its folder.
func (s synced) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	out, err := s.Posix.PutObject(ctx, in)
	if err != nil {
		return out, err
	}
	file := filepath.Join(*in.Bucket, *in.Key) // the working directory is the server's folder
	return out, errors.Join(sync(file), sync(filepath.Dir(file)))
}

func sync(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // deleted again meanwhile
	} else if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
