package s3io

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"retrain"
)

// translate says what an error of the SDK means: this is the one place where it is known. What a person can mend has a hint.
func (cfg Config) translate(ctx context.Context, op Op, key string, err error) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf("s3: %s %s", op, cfg.place(key))
	if ctx.Err() != nil { // whoever asked no longer wants to know
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
	code, status := apiCode(err), httpStatus(err)
	switch {
	case code == "NoSuchBucket":
		return retrain.Errorf(retrain.UnavailableError, "%s: there is no bucket %q: %w", what, cfg.Bucket, brief(err)).
			WithHint("create it, or correct s3.bucket")
	case code == "PreconditionFailed", status == http.StatusPreconditionFailed:
		return retrain.Errorf(retrain.ConflictError, "%s: the condition does not hold: %w", what, brief(err))
	case code == "InvalidRange", status == http.StatusRequestedRangeNotSatisfiable:
		return retrain.Errorf(retrain.DataValidationError, "%s: it ends before the part that was asked for: %w", what, brief(err))
	case code == "NoSuchKey", code == "NotFound": // not every 404: some servers say so of an unknown user
		return retrain.Errorf(retrain.NotFoundError, "%s: no such object: %w", what, brief(err))
	}
	return retrain.Errorf(retrain.UnavailableError, "%s: %w", what, brief(err)).WithHint("%s", cfg.hint(code, status, err))
}

// place returns what a person would type to see the object.
func (cfg Config) place(key string) string {
	place := "s3://" + cfg.Bucket + "/" + key
	if cfg.Endpoint != "" {
		place += " at " + cfg.Endpoint
	}
	return place
}

// hint returns what to do about an error that is not about an object.
func (cfg Config) hint(code string, status int, err error) string {
	switch code {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "XAdminUserNotFound":
		return "the credentials are wrong or have expired: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or the profile"
	case "RequestTimeTooSkewed":
		return "this machine's clock is wrong"
	case "AccessDenied", "Forbidden":
		return "these credentials may not do this: they need s3:ListBucket, GetObject, PutObject and DeleteObject on bucket " + cfg.Bucket
	case "NotImplemented":
		return "this S3 server lacks something that Retrain needs, probably conditional writes"
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return "the bucket is in another region: set s3.region" + inRegion(err)
	}
	switch {
	case status == http.StatusMovedPermanently:
		return "the bucket is in another region: set s3.region" + inRegion(err)
	case strings.Contains(err.Error(), "get credentials"): // the SDK has no type for it
		return "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
	case status == 0:
		return "S3 does not answer: is s3.endpoint right, and is it up?"
	}
	return "S3 has a problem; try again"
}

func inRegion(err error) string {
	if r, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		if region := r.Response.Header.Get("X-Amz-Bucket-Region"); region != "" {
			return ": " + region
		}
	}
	return ""
}

// brief cuts the SDK's preamble from an error: "operation error S3: GetObject, exceeded maximum number of attempts, 4, …".
func brief(err error) error {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*smithy.OperationError](err); ok {
		return e.Err
	}
	return err
}

func apiCode(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

func httpStatus(err error) int {
	if r, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return r.HTTPStatusCode()
	}
	return 0
}
