package embedded

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// A child is a process that does not outlive this one.
type child struct {
	process *os.Process
	done    chan struct{} // closed when it has ended
	err     error         // how; read it after done
}

// start runs cmd as a child in a process group of its own, so that Ctrl-C reaches only this process, which then stops the
// child in its turn. When this process dies, however it dies, the kernel sends the child SIGTERM.
func start(cmd *exec.Cmd) (*child, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	c := &child{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel watches the thread that started the child, so that thread must last as long
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		c.process = cmd.Process
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.done)
		}
	}()
	return c, <-started
}

// stop asks the child to end, and kills it when it has not done so after the grace.
func (c *child) stop(grace time.Duration) {
	_ = c.process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-c.done:
	case <-time.After(grace):
		c.kill()
	}
}

func (c *child) kill() {
	_ = c.process.Kill()
	<-c.done
}
