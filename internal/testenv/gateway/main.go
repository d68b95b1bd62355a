// Command gateway is the S3 server of the tests, a process of its own. Its first line on stdout is the server's connection as
// JSON. Then it creates a bucket for each line on stdin and answers with a line, and ends when stdin does.
//
//	gateway DIR --keep|--remove PORT
//
// says what becomes of DIR then. Port 0 is any that is free.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"

	"retrain/internal/embedded"
	"retrain/internal/embedded/gateway"
)

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, after, port string) error {
	preferred, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	server := gateway.S3{Dir: dir, Port: embedded.FreePort(preferred), AccessKeyID: "test", SecretAccessKey: "testsecret"}
	if _, err := server.Start(ctx); err != nil {
		return err
	}
	err = json.NewEncoder(os.Stdout).Encode(map[string]string{"endpoint": server.Endpoint(), "region": gateway.Region,
		"accessKeyId": server.AccessKeyID, "secretAccessKey": server.SecretAccessKey})
	if err != nil {
		return err
	}
	for names := bufio.NewScanner(os.Stdin); names.Scan(); fmt.Println("created") {
		if err := server.CreateBucket(ctx, names.Text()); err != nil {
			return err
		}
	}
	err = server.Stop()
	if after == "--remove" {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}
