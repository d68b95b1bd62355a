package httpapi

import (
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"retrain"
)

// A refusal is an error whose HTTP status says more than its code.
type refusal struct {
	err    *retrain.Error
	status int
}

func (r refusal) Error() string { return r.err.Error() }
func (r refusal) Unwrap() error { return r.err }

func tooLarge(what string, args ...any) error {
	return refusal{retrain.Errorf(retrain.DataValidationError, what, args...).WithHint("send fewer records at once"), http.StatusRequestEntityTooLarge}
}

// body reads a whole request of at most so many bytes, packed or not.
func body(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	if err := acceptable(r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(slowest)) // only a test's recorder cannot
	in, err := unpacked(r.Header.Get("Content-Encoding"), http.MaxBytesReader(w, r.Body, most))
	var b []byte
	if err == nil {
		b, err = io.ReadAll(io.LimitReader(in, most+1))
		_ = in.Close() // it is a reader
	}
	_, over := errors.AsType[*http.MaxBytesError](err)
	_, refused := errors.AsType[refusal](err)
	switch {
	case over, int64(len(b)) > most:
		return nil, tooLarge("the request is too large: it may have %s", size(most))
	case err != nil && !refused:
		return nil, retrain.Errorf(retrain.DataValidationError, "the request ended early, or is damaged: %w", err)
	}
	return b, err
}

func size(bytes int64) string {
	if bytes >= 1<<20 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d bytes", bytes)
}

// How long a body may be on its way.
const slowest = 5 * time.Minute

// The most that unpacking zstd keeps in memory; what would need more is refused.
const widestWindow = 8 << 20

// unpacked returns what stands in a body.
func unpacked(encoding string, in io.ReadCloser) (io.ReadCloser, error) {
	switch strings.ToLower(encoding) {
	case "", "identity":
		return in, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(in)
	case "deflate":
		return zlib.NewReader(in)
	case "zstd":
		d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(widestWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return nil, refusal{retrain.Errorf(retrain.DataValidationError, "the encoding %.40q is not known", encoding).WithHint("gzip, zstd, deflate or none"),
		http.StatusUnsupportedMediaType}
}

// acceptable returns an error for a content type that cannot be JSON. curl calls JSON a form, and some clients call it nothing.
func acceptable(contentType string) error {
	kind, _, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "", err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json") || strings.HasPrefix(kind, "text/") ||
		kind == "application/x-www-form-urlencoded" || kind == "application/octet-stream" || kind == "application/x-ndjson"):
		return nil
	}
	return refusal{retrain.Errorf(retrain.DataValidationError, "the content type %.60q is not JSON", contentType).WithHint("send Content-Type: application/json"),
		http.StatusUnsupportedMediaType}
}
