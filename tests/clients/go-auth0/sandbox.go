package main

// The processes of this test: the sandbox's server, and phones on the real core. All of them are the `sandbox`
// binary that the variable SANDBOX names.

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// object is a JSON object; member gives a text inside it.
type object map[string]any

func (o object) member(path ...string) string {
	var value any = map[string]any(o)
	for _, name := range path {
		inner, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		value = inner[name]
	}
	text, _ := value.(string)
	return text
}

// process is a command whose standard output is one JSON object a line.
type process struct {
	command *exec.Cmd
	lines   chan object
	errors  bytes.Buffer
}

func start(arguments ...string) (*process, error) {
	p := &process{command: exec.Command(os.Getenv("SANDBOX"), arguments...), lines: make(chan object, 100)}
	p.command.Env = environment()
	p.command.Stderr = &p.errors
	output, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.lines)
		reader := bufio.NewReader(output)
		for {
			line, err := reader.ReadBytes('\n')
			var read object
			if json.Unmarshal(line, &read) == nil {
				p.lines <- read
			}
			if err != nil {
				return
			}
		}
	}()
	return p, nil
}

// environment is that of this program without the variables that the commands would read.
func environment() []string {
	kept := []string{"LANG=C", "LC_ALL=C"}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "SANDBOX") && name != "LANG" && name != "LC_ALL" {
			kept = append(kept, variable)
		}
	}
	return kept
}

// next gives the first line from here on that has this event; "" takes any.
func (p *process) next(event string) (object, error) {
	late := time.After(60 * time.Second)
	for {
		select {
		case line, open := <-p.lines:
			if !open {
				return nil, fmt.Errorf("the process ended: %s", p.errors.String())
			}
			if event == "" || line.member("event") == event {
				return line, nil
			}
		case <-late:
			return nil, errors.New("nothing came in time")
		}
	}
}

func (p *process) end() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	for range p.lines { // Read to its end, so that it can end.
	}
	_ = p.command.Wait()
}

// run runs a command to its end and gives its one object.
func run(arguments ...string) (object, error) {
	p, err := start(arguments...)
	if err != nil {
		return nil, err
	}
	line, err := p.next("")
	p.end()
	if err == nil && line.member("error") != "" {
		err = errors.New(line.member("error"))
	}
	return line, err
}

// server is `sandbox serve --tls`.
type server struct {
	process *process
	values  object
	// client trusts the server's certificate authority and nothing else.
	client *http.Client
}

func serve(arguments ...string) (*server, error) {
	p, err := start(append([]string{"serve", "--json", "--tls", "--interval", "1", "--no-per-user-limit"}, arguments...)...)
	if err != nil {
		return nil, err
	}
	values, err := p.next("")
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(values.member("ca"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	return &server{p, values, &http.Client{Transport: transport}}, nil
}

// domain is what the library wants: it puts https:// in front.
func (s *server) domain() string {
	return strings.TrimPrefix(s.values.member("tls_origin"), "https://")
}

// control calls the sandbox's own surface, which stands beside the protocol.
func (s *server) control(method, path string, body any) (object, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(method, s.values.member("console_url")+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err = io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	var read object
	return read, json.Unmarshal(text, &read)
}

// newest is the request started last, as the console sees it.
func (s *server) newest() (object, error) {
	snapshot, err := s.control("GET", "control/snapshot", nil)
	if err != nil {
		return nil, err
	}
	requests, _ := snapshot["requests"].([]any)
	if len(requests) == 0 {
		return nil, errors.New("there is no request")
	}
	request, _ := requests[0].(map[string]any)
	return request, nil
}

// person is a user with a phone, both new: what one case does is not remembered in the next.
type person struct {
	id    string
	phone []string
}

func (s *server) person() (*person, error) {
	user, err := s.control("POST", "control/users", object{})
	if err != nil {
		return nil, err
	}
	id := user.member("user_id")
	made, err := s.control("POST", "control/invitation", object{"user_id": id})
	if err != nil {
		return nil, err
	}
	store, err := os.MkdirTemp(folder, "phone-")
	if err != nil {
		return nil, err
	}
	phone := []string{"phone", "--json", "--store", store, "--ca", s.values.member("ca")}
	enroll := append(phone[:len(phone):len(phone)], "enroll", made.member("invitation"), "--server", s.values.member("tls_origin"))
	_, err = run(enroll...)
	return &person{id, phone}, err
}

// answers makes the phone wait for one push and answer it: approve, deny or ignore.
func (p *person) answers(word string) (*process, error) {
	watch, err := start(append(p.phone[:len(p.phone):len(p.phone)], "watch", "--once", "--answer", word)...)
	if err != nil {
		return nil, err
	}
	_, err = watch.next("connected")
	return watch, err
}

func (p *person) approve(challenge string) error {
	_, err := run(append(p.phone[:len(p.phone):len(p.phone)], "approve", challenge, "--yes")...)
	return err
}
