package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// A network is where the processes run: the machine's own, or a namespace for each of them, joined by a bridge. Redis, S3, the
// proxies and the clients are always in the machine's own.
type network struct {
	host   string // by which the processes reach what is in the machine's own
	bridge string // "" where there are no namespaces
	names  []string
}

const (
	subnet = "10.231.77."
	bridge = "chaos0"
)

// What the processes ask for who listen to others than this machine.
const apiKey = "key-of-the-chaos"

// newNetwork makes the bridge. It takes root and iproute2.
func newNetwork(ctx context.Context, namespaces bool) (*network, error) {
	if !namespaces {
		return &network{host: "127.0.0.1"}, nil
	}
	n := &network{host: subnet + "1", bridge: bridge}
	_ = ip(ctx, "link", "delete", bridge) // of one who was killed
	return n, n.run(ctx, "link add "+bridge+" type bridge", "address add "+n.host+"/24 dev "+bridge, "link set "+bridge+" up")
}

func (n *network) run(ctx context.Context, commands ...string) error {
	for _, c := range commands {
		if err := ip(ctx, strings.Fields(c)...); err != nil {
			return err
		}
	}
	return nil
}

func ip(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// add makes a place for a process. It returns its address there, and what goes before its command.
func (n *network) add(ctx context.Context, name string) (host string, before []string, err error) {
	if n.bridge == "" {
		return n.host, nil, nil
	}
	i := len(n.names) + 2
	host = fmt.Sprint(subnet, i)
	space, cable := "chaos-"+name, fmt.Sprint("chaosv", i)
	_ = ip(ctx, "netns", "delete", space)
	n.names = append(n.names, name)
	err = n.run(ctx, "netns add "+space, fmt.Sprintf("link add %s type veth peer name eth0 netns %s", cable, space),
		fmt.Sprintf("link set %s master %s up", cable, n.bridge), fmt.Sprintf("-n %s address add %s/24 dev eth0", space, host),
		fmt.Sprintf("-n %s link set eth0 up", space), fmt.Sprintf("-n %s link set lo up", space))
	return host, []string{"ip", "netns", "exec", space}, err
}

// plug pulls a process' cable, or puts it in again.
func (n *network) plug(ctx context.Context, name string, in bool) error {
	for i, is := range n.names {
		if is == name {
			return ip(ctx, "link", "set", fmt.Sprint("chaosv", i+2), map[bool]string{true: "up", false: "down"}[in])
		}
	}
	return fmt.Errorf("%s has no namespace", name)
}

// remove removes it all.
func (n *network) remove() {
	if n.bridge == "" {
		return
	}
	ctx := context.Background() // also after an interrupt
	for _, name := range n.names {
		_ = ip(ctx, "netns", "delete", "chaos-"+name) // its cable goes with it
	}
	_ = ip(ctx, "link", "delete", n.bridge)
}
