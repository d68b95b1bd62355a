package dashboard_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"retrain/internal/testenv"
)

// How long anything may take. Machines that do a lot else are slow; nothing here waits for time to pass.
const patience = 3 * time.Minute

// A tab is a real browser's, which a test watches: what its pages say on the console, and whom they ask.
type tab struct {
	*testing.T

	ctx context.Context //nolint:containedctx // it is the browser

	mu    sync.Mutex // guards the following
	said  []string   // warnings and errors on the console
	asked []string   // addresses on other machines
}

// browser starts Chromium and returns a tab. Without Chromium the test is skipped.
func browser(t *testing.T) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium in PATH: install the package chromium")
	}
	dir, err := os.MkdirTemp("", "retrain-chromium-") //nolint:usetesting // a browser that is killed may write a moment longer
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	return newTab(t, ctx)
}

// newTab opens another tab, of the browser of ctx where it has one.
func newTab(t *testing.T, ctx context.Context) *tab {
	t.Helper()
	b := &tab{T: t}
	ctx, stop := chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b.ctx = ctx
	go b.listen(chromedp.Console(ctx))
	requests := chromedp.Events(ctx, network.RequestWillBeSent)
	go func() {
		for e, err := range requests {
			if err != nil {
				return
			}
			b.request(e.Request.URL)
		}
	}()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
		return err
	}))
	return b
}

func (b *tab) listen(console func(func(chromedp.ConsoleMessage, error) bool)) {
	for m, err := range console {
		if err != nil {
			return
		}
		if m.IsException() || m.Type == "error" || m.Type == "warning" {
			b.mu.Lock()
			b.said = append(b.said, fmt.Sprintf("%s: %s (%s)", m.Type, m.Text, m.URL))
			b.mu.Unlock()
		}
	}
}

func (b *tab) request(address string) {
	u, err := url.Parse(address)
	if err == nil && (u.Hostname() == "127.0.0.1" || u.Scheme == "data" || u.Scheme == "file" || u.Scheme == "about") {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, address)
}

// quiet fails the test where a page complained, or asked another machine.
func (b *tab) quiet() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.said {
		b.Errorf("on the console: %s", text)
	}
	for _, address := range b.asked {
		b.Errorf("a page asks another machine: %s", address)
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	if chromedp.FromContext(b.ctx).Target == nil { // whatever is run first must outlive this
		ctx = b.ctx
	}
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// open goes to an address.
func (b *tab) open(address string) {
	b.Helper()
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
}

// value returns what JavaScript says, as text.
func (b *tab) value(script string) string {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("String("+script+")"))
	if err != nil {
		b.Fatalf("%s: %v", script, err)
	}
	return v
}

// until waits for a condition, in JavaScript.
func (b *tab) until(what, condition string) {
	b.Helper()
	testenv.Eventually(b.T, patience, func() error {
		is, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		if err == nil && !is {
			err = fmt.Errorf("not so: %s; the page says: %.600s", what, b.text("body"))
		}
		return err
	})
}

// says waits until an element's text has a part.
func (b *tab) says(selector, part string) {
	b.Helper()
	b.until(fmt.Sprintf("%s says %q", selector, part), fmt.Sprintf("[...document.querySelectorAll(%q)].some((e) => e.innerText.includes(%q))", selector, part))
}

func (b *tab) text(selector string) string {
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector)))
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(v), " ")
}

// press clicks the button, or other element of a selector, that has a text, once it can be clicked.
func (b *tab) press(selector, text string) {
	b.Helper()
	found := fmt.Sprintf("[...document.querySelectorAll(%q)].find((e) => e.innerText.trim() === %q && e.checkVisibility() && !e.disabled)", selector, text)
	b.until("there is "+text, found)
	b.value("(" + found + ").click()")
}

// keys types, as a person does who has no mouse.
func (b *tab) keys(keys string) {
	b.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// tabTo goes from one thing to the next by the keyboard until a condition is met.
func (b *tab) tabTo(condition string) {
	b.Helper()
	for range 60 {
		b.keys(kb.Tab)
		if b.value(condition) == "true" {
			return
		}
	}
	b.Fatalf("one cannot get there by keys: %s", condition)
}

// colours makes the system say that it likes light or dark.
func (b *tab) colours(scheme string) {
	b.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	}))
}

// size makes the window so wide and high.
func (b *tab) size(width, height int64) {
	b.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}
