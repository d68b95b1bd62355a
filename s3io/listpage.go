package s3io

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A listPage is a page of a listing. The SDK's reading of a thousand keys takes as long as a server does to find them, so the
// usual page is read here; at the first thing that is not quite usual the SDK reads it. It is a middleware of one request, between
// the SDK's reader and the server.
type listPage struct {
	read      bool         // whether the following is what the server said
	objects   []ObjectInfo // and rolled-up prefixes, sorted
	truncated bool
	next      string // token of the next page
}

func (*listPage) ID() string { return "ListPage" }

func (p *listPage) options(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Deserialize.Insert(p, "OperationDeserializer", middleware.After)
	})
}

// HandleDeserialize reads the page of one attempt, and leaves an empty one to the SDK where that worked.
func (p *listPage) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
) (out middleware.DeserializeOutput, metadata middleware.Metadata, err error) {
	*p = listPage{}
	out, metadata, err = next.HandleDeserialize(ctx, in)
	response, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok || response.StatusCode != http.StatusOK {
		return out, metadata, err
	}
	var body bytes.Buffer
	body.Grow(int(max(0, response.ContentLength)) + bytes.MinRead)
	if _, err := io.Copy(&body, response.Body); err != nil {
		return out, metadata, brokenPage{fmt.Errorf("%w: %w", errBrokenOff, err)}
	}
	rest := body.Bytes()
	if *p, ok = parsePage(rest); ok {
		rest = []byte("<ListBucketResult></ListBucketResult>")
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(rest), response.Body}
	return out, metadata, nil
}

// A brokenPage is one that the SDK asks for again.
type brokenPage struct{ error }

func (brokenPage) RetryableError() bool { return true }

func (e brokenPage) Unwrap() error { return e.error }

// parsePage reads a page as servers write it, and returns false for any other.
func parsePage(body []byte) (p listPage, ok bool) {
	x := &pageText{b: body}
	if rest, found := bytes.CutPrefix(x.b, []byte("<?xml ")); found {
		_, x.b, _ = bytes.Cut(rest, []byte("?>"))
	}
	if root := x.root(); root != "ListBucketResult" {
		return p, false
	}
	for name := x.open(); name != ""; name = x.open() {
		switch name {
		case "Contents":
			p.objects = append(p.objects, x.object())
		case "CommonPrefixes":
			p.objects = append(p.objects, x.prefix())
		case "IsTruncated":
			text := x.value(name)
			p.truncated = text == "true"
			x.unusual = x.unusual || text != "true" && text != "false"
		case "NextContinuationToken":
			p.next = x.value(name)
		case "EncodingType": // nobody asked for any
			x.unusual = x.value(name) != "" || x.unusual
		default:
			x.skip(name)
		}
	}
	x.close("ListBucketResult")
	slices.SortStableFunc(p.objects, func(a, b ObjectInfo) int { return strings.Compare(a.Key, b.Key) })
	p.read = !x.unusual && len(bytes.TrimSpace(x.b)) == 0 && p.truncated == (p.next != "")
	return p, p.read
}

// object reads what a page says of an object.
func (x *pageText) object() (o ObjectInfo) {
	for name := x.open(); name != ""; name = x.open() {
		var err error
		switch name {
		case "Key":
			o.Key = x.value(name)
		case "ETag":
			o.ETag = ETag(strings.Trim(x.value(name), `"`))
		case "Size":
			o.Size, err = strconv.ParseInt(x.value(name), 10, 64)
		case "LastModified":
			o.LastModified, err = time.Parse(time.RFC3339, x.value(name))
		default:
			x.skip(name)
		}
		x.unusual = x.unusual || err != nil
	}
	x.close("Contents")
	x.unusual = x.unusual || o.Key == ""
	return o
}

// prefix reads a rolled-up prefix.
func (x *pageText) prefix() (o ObjectInfo) {
	for name := x.open(); name != ""; name = x.open() {
		if name != "Prefix" {
			x.unusual = true
			break
		}
		o.Key = x.value(name)
	}
	x.close("CommonPrefixes")
	x.unusual = x.unusual || o.Key == ""
	return o
}

// A pageText is XML that has not been read yet. Once something is unusual nothing more is read.
type pageText struct {
	b       []byte
	unusual bool
}

// root reads the first tag, with or without a namespace.
func (x *pageText) root() string {
	x.b = bytes.TrimLeft(x.b, " \n")
	tag, rest, ok := bytes.Cut(x.b, []byte(">"))
	name, attributes, _ := bytes.Cut(tag, []byte(" "))
	value, namespace := bytes.CutPrefix(attributes, []byte(`xmlns="`))
	if !ok || len(name) == 0 || name[0] != '<' || len(attributes) > 0 && !namespace ||
		namespace && bytes.IndexFunc(value, notOfURL) != len(value)-1 {
		x.unusual = true
		return ""
	}
	x.b = rest
	return string(name[1:])
}

// notOfURL reports whether a namespace has no such character.
func notOfURL(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"'<>&`, r) }

// open reads a tag that opens an element, and returns "" where there is none.
func (x *pageText) open() string {
	x.b = bytes.TrimLeft(x.b, " \n")
	if x.unusual || len(x.b) < 2 || x.b[0] != '<' || x.b[1] == '/' {
		return ""
	}
	end := bytes.IndexByte(x.b, '>')
	if end < 2 || end > 64 {
		x.unusual = true
		return ""
	}
	name := x.b[1:end]
	if name[end-2] == '/' { // <Name/> is <Name></Name>, which nothing is that matters
		x.unusual = true
		return ""
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			x.unusual = true
			return ""
		}
	}
	x.b = x.b[end+1:]
	return nameOf(name)
}

// The SDK takes names in any case.
var pageNames = []string{"ListBucketResult", "Contents", "CommonPrefixes", "IsTruncated", "NextContinuationToken", "EncodingType", "Key", "ETag", "Size",
	"LastModified", "Prefix"}

// nameOf returns a name, without a copy of the common ones.
func nameOf(name []byte) string {
	for _, known := range pageNames {
		if string(name) == known {
			return known
		}
	}
	for _, known := range pageNames {
		if strings.EqualFold(string(name), known) {
			return known
		}
	}
	return string(name)
}

// close reads the tag that closes an element.
func (x *pageText) close(name string) {
	x.b = bytes.TrimLeft(x.b, " \n")
	x.closeHere(name)
}

func (x *pageText) closeHere(name string) {
	n := len("</") + len(name)
	if x.unusual || len(x.b) <= n || string(x.b[:2]) != "</" || string(x.b[2:n]) != name || x.b[n] != '>' {
		x.unusual = true
		return
	}
	x.b = x.b[n+1:]
}

// skip reads over an element, of a text or of elements that have one.
func (x *pageText) skip(name string) {
	if !bytes.HasPrefix(bytes.TrimLeft(x.b, " \n"), []byte("<")) {
		x.value(name)
		return
	}
	for inner := x.open(); inner != ""; inner = x.open() {
		x.value(inner)
	}
	x.close(name)
}

// value reads the text of an element up to its end.
func (x *pageText) value(name string) string {
	end := bytes.IndexByte(x.b, '<')
	if x.unusual || end < 0 {
		x.unusual = true
		return ""
	}
	text := x.b[:end]
	x.b = x.b[end:]
	x.closeHere(name)
	plain := true
	for _, c := range text {
		x.unusual = x.unusual || c < ' ' || c == '>' || c == 0x7f
		plain = plain && c < 0x80 && c != '&'
	}
	if plain {
		x.unusual = x.unusual || end > 0 && (text[0] == ' ' || text[end-1] == ' ')
		return string(text)
	}
	return x.unescaped(text)
}

// unescaped returns a text with what stands for its references.
func (x *pageText) unescaped(text []byte) string {
	var b strings.Builder
	for {
		before, after, found := bytes.Cut(text, []byte("&"))
		b.Write(before)
		if !found {
			break
		}
		name, rest, ok := bytes.Cut(after, []byte(";"))
		r := referenced(string(name))
		if !ok || r == 0 {
			x.unusual = true
			return ""
		}
		b.WriteRune(r)
		text = rest
	}
	s := b.String()
	x.unusual = x.unusual || !utf8.ValidString(s) || strings.ContainsAny(s, "\uFFFD\uFFFE\uFFFF") || strings.TrimSpace(s) != s
	return s
}

// referenced returns the character that a reference stands for, and 0 for an unusual one.
func referenced(name string) rune {
	switch name {
	case "amp":
		return '&'
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "quot":
		return '"'
	case "apos":
		return '\''
	}
	digits, base := strings.TrimPrefix(name, "#"), 10
	if rest, hex := strings.CutPrefix(digits, "x"); hex {
		digits, base = rest, 16
	}
	n, err := strconv.ParseUint(digits, base, 21)
	if err != nil || !strings.HasPrefix(name, "#") || n < ' ' || n > utf8.MaxRune {
		return 0
	}
	return rune(n)
}
