// go-auth0 v2 as the client of `sandbox serve --tls`, with phones on the real core.
//
//	SANDBOX=$PWD/target/debug/sandbox go -C tests/clients/go-auth0 run .
package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/auth0/go-auth0/v2/authentication"
	"github.com/auth0/go-auth0/v2/authentication/ciba"
	"github.com/auth0/go-auth0/v2/authentication/oauth"
)

const grant = "urn:openid:params:grant-type:ciba"

// folder holds the phones.
var folder string

type testCase struct {
	name     string
	expected string
	report   func(context.Context) (string, error)
}

func main() {
	if os.Getenv("SANDBOX") == "" {
		fmt.Fprintln(os.Stderr, "SANDBOX must name the sandbox binary, with its whole path")
		os.Exit(2)
	}
	failed, err := all()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if failed > 0 || err != nil {
		os.Exit(1)
	}
}

// all runs every case and prints the table.
func all() (failed int, err error) {
	if folder, err = os.MkdirTemp("", "go-auth0-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	auth0, err := serve()
	if err != nil {
		return 0, err
	}
	defer auth0.process.end()
	core, err := serve("--expiry-error", "expired_token")
	if err != nil {
		return 0, err
	}
	defer core.process.end()

	fmt.Printf("go-auth0 v2.0.0 against sandbox serve --tls\n\n")
	list := cases(auth0, core)
	for _, c := range list {
		begun := time.Now()
		reported, err := c.report(context.Background())
		if err != nil {
			reported = "failed: " + err.Error()
		}
		word := "ok  "
		if reported != c.expected {
			word = "FAIL"
			failed++
		}
		fmt.Printf("%s %-44s %s   (%.1f s)\n", word, c.name, reported, time.Since(begun).Seconds())
		if reported != c.expected {
			fmt.Printf("     expected%36s%s\n", "", c.expected)
		}
	}
	fmt.Printf("\n%d passed, %d failed\n", len(list)-failed, failed)
	return failed, nil
}

func cases(auth0, core *server) []testCase {
	return []testCase{
		{"approved", "tokens: Bearer, ID token validated; phone: approve delivered", func(ctx context.Context) (string, error) {
			return answered(ctx, auth0, "approve")
		}},
		{"denied", "400 access_denied; phone: deny delivered", func(ctx context.Context) (string, error) {
			return answered(ctx, auth0, "deny")
		}},
		{"pending, slow_down, then approved", "authorization_pending, slow_down, authorization_pending, tokens", func(ctx context.Context) (string, error) {
			return hurried(ctx, auth0)
		}},
		{"tokens are handed out once", "400 invalid_grant: Invalid or expired auth_req_id", func(ctx context.Context) (string, error) {
			return twice(ctx, auth0)
		}},
		{"unknown user", "400 unknown_user_id: User ID is malformed or unknown", func(ctx context.Context) (string, error) {
			return initiateError(ctx, auth0, ciba.Request{LoginHint: hint(auth0, "auth0|nobody"), Scope: "openid", BindingMessage: "Order 4711"})
		}},
		{"binding message the server refuses", "400 invalid_binding_message: A binding message has 1 to 64 characters: letters from A to Z, digits, + - _ . , : #, spaces and $", func(ctx context.Context) (string, error) {
			return initiateError(ctx, auth0, ciba.Request{LoginHint: hint(auth0, auth0.values.member("user_id")), Scope: "openid", BindingMessage: "<b>"})
		}},
		{"no binding message", "missing required fields: BindingMessage", func(ctx context.Context) (string, error) {
			return initiateError(ctx, auth0, ciba.Request{LoginHint: hint(auth0, "x"), Scope: "openid"})
		}},
		{"wrong secret", "401 invalid_client: Client authentication failed", func(ctx context.Context) (string, error) {
			return initiateError(ctx, auth0, ciba.Request{ClientSecret: "wrong", LoginHint: hint(auth0, "x"), Scope: "openid", BindingMessage: "Order 4711"})
		}},
		{"the published polling example, no credentials", "401 invalid_client: Client authentication failed", func(ctx context.Context) (string, error) {
			return withoutCredentials(ctx, auth0)
		}},
		{"rich authorization request", "ciba.Request has no field for it; Audience is set and not sent: audience none, details none", func(ctx context.Context) (string, error) {
			return richRequest(ctx, auth0)
		}},
		{"a server it does not trust", "certificate signed by unknown authority", func(ctx context.Context) (string, error) {
			_, err := authentication.New(ctx, auth0.domain(), authentication.WithClientID("x"), authentication.WithClientSecret("x"))
			return tail(err), nil
		}},
		{"expired, as Auth0 says it", "400 access_denied: The end-user denied the authorization request or it has been expired", func(ctx context.Context) (string, error) {
			return expired(ctx, auth0)
		}},
		{"expired, as CIBA Core says it", "400 expired_token: The auth_req_id has expired", func(ctx context.Context) (string, error) {
			return expired(ctx, core)
		}},
	}
}

// connect makes a client object as an application does; the JWKS is fetched here.
func connect(ctx context.Context, s *server) (*authentication.Authentication, error) {
	return authentication.New(ctx, s.domain(),
		authentication.WithClientID(s.values.member("client_id")),
		authentication.WithClientSecret(s.values.member("client_secret")),
		authentication.WithClient(s.client),
	)
}

func hint(s *server, user string) map[string]string {
	return map[string]string{"format": "iss_sub", "iss": "https://" + s.domain() + "/", "sub": user}
}

func request(s *server, user string) ciba.Request {
	return ciba.Request{LoginHint: hint(s, user), Scope: "openid", BindingMessage: "Order 4711"}
}

// poll is one call of the token endpoint. The library adds no credentials to this grant.
func poll(ctx context.Context, s *server, api *authentication.Authentication, id string) (*oauth.TokenSet, error) {
	return api.OAuth.LoginWithGrant(ctx, grant, url.Values{
		"auth_req_id":   []string{id},
		"client_id":     []string{s.values.member("client_id")},
		"client_secret": []string{s.values.member("client_secret")},
	}, oauth.IDTokenValidationOptions{})
}

// wait polls as the library's documentation shows: a ticker of the interval, five seconds more after slow_down, until
// expires_in. It gives what each poll reported.
func wait(ctx context.Context, s *server, api *authentication.Authentication, started *ciba.Response) ([]string, *oauth.TokenSet, error) {
	ticker := time.NewTicker(time.Duration(started.Interval) * time.Second)
	defer ticker.Stop()
	late := time.After(time.Duration(started.ExpiresIn) * time.Second)
	var reported []string
	for {
		select {
		case <-late:
			return reported, nil, errors.New("time is up")
		case <-ticker.C:
		}
		tokens, err := poll(ctx, s, api, started.AuthReqID)
		if err == nil {
			return append(reported, "tokens"), tokens, nil
		}
		var refused *authentication.Error
		if !errors.As(err, &refused) {
			return reported, nil, err
		}
		reported = append(reported, refused.Err)
		switch refused.Err {
		case "authorization_pending":
		case "slow_down":
			ticker.Reset(time.Duration(started.Interval+5) * time.Second)
		default:
			return reported, nil, err
		}
	}
}

// scene is what a case begins with: a new user whose phone listens, and a request to it.
type scene struct {
	user    *person
	phone   *process
	api     *authentication.Authentication
	started *ciba.Response
}

// begin makes the phone answer with this word: approve, deny or ignore.
func begin(ctx context.Context, s *server, word string) (*scene, error) {
	user, err := s.person()
	if err != nil {
		return nil, err
	}
	api, err := connect(ctx, s)
	if err != nil {
		return nil, err
	}
	phone, err := user.answers(word)
	if err != nil {
		return nil, err
	}
	started, err := api.CIBA.Initiate(ctx, request(s, user.id))
	if err != nil {
		phone.end()
	}
	return &scene{user, phone, api, started}, err
}

func answered(ctx context.Context, s *server, word string) (string, error) {
	on, err := begin(ctx, s, word)
	if err != nil {
		return "", err
	}
	defer on.phone.end()
	_, tokens, err := wait(ctx, s, on.api, on.started)
	var refused *authentication.Error
	if err != nil && !errors.As(err, &refused) {
		return "", err
	}
	event, err := on.phone.next("receipt")
	if err != nil {
		return "", err
	}
	receipt := "phone: " + event.member("receipt", "decision") + " " + event.member("receipt", "delivery")
	if refused != nil {
		return fmt.Sprintf("%d %s; %s", refused.StatusCode, refused.Err, receipt), nil
	}
	// Without a valid ID token the library would have given an error.
	if tokens.IDToken == "" || tokens.AccessToken == "" {
		return "", errors.New("a token is missing")
	}
	return fmt.Sprintf("tokens: %s, ID token validated; %s", tokens.TokenType, receipt), nil
}

// hurried polls twice at once, and then as it is told to.
func hurried(ctx context.Context, s *server) (string, error) {
	on, err := begin(ctx, s, "ignore")
	if err != nil {
		return "", err
	}
	defer on.phone.end()
	event, err := on.phone.next("request")
	if err != nil {
		return "", err
	}
	var reported []string
	for range 2 {
		_, err := poll(ctx, s, on.api, on.started.AuthReqID)
		reported = append(reported, code(err))
	}
	// Documentation: at least five seconds more from now on.
	on.started.Interval += 5
	time.Sleep(time.Duration(on.started.Interval) * time.Second)
	_, err = poll(ctx, s, on.api, on.started.AuthReqID)
	reported = append(reported, code(err))
	if err := on.user.approve(event.member("review", "challenge")); err != nil {
		return "", err
	}
	rest, _, err := wait(ctx, s, on.api, on.started)
	return strings.Join(append(reported, rest...), ", "), err
}

func twice(ctx context.Context, s *server) (string, error) {
	on, err := begin(ctx, s, "approve")
	if err != nil {
		return "", err
	}
	defer on.phone.end()
	if _, _, err := wait(ctx, s, on.api, on.started); err != nil {
		return "", err
	}
	_, err = poll(ctx, s, on.api, on.started.AuthReqID)
	return text(err), nil
}

func initiateError(ctx context.Context, s *server, body ciba.Request) (string, error) {
	api, err := connect(ctx, s)
	if err != nil {
		return "", err
	}
	_, err = api.CIBA.Initiate(ctx, body)
	return text(err), nil
}

// withoutCredentials polls as the library's page shows it, with the auth_req_id alone.
func withoutCredentials(ctx context.Context, s *server) (string, error) {
	api, err := connect(ctx, s)
	if err != nil {
		return "", err
	}
	_, err = api.OAuth.LoginWithGrant(ctx, grant, url.Values{"auth_req_id": []string{"x"}}, oauth.IDTokenValidationOptions{})
	return text(err), nil
}

// richRequest shows how far a rich authorization request gets: the type has no field, and what it has is not sent.
func richRequest(ctx context.Context, s *server) (string, error) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[ciba.Request]()) {
		if strings.Contains(strings.ToLower(field.Name), "details") {
			return "ciba.Request has the field " + field.Name, nil
		}
	}
	user, err := s.person()
	if err != nil {
		return "", err
	}
	api, err := connect(ctx, s)
	if err != nil {
		return "", err
	}
	body := request(s, user.id)
	body.Audience = s.values.member("audience")
	if _, err := api.CIBA.Initiate(ctx, body); err != nil {
		return "", err
	}
	seen, err := s.newest()
	if err != nil {
		return "", err
	}
	none := func(name string) string {
		if seen[name] == nil {
			return name + " none"
		}
		return fmt.Sprintf("%s %v", name, seen[name])
	}
	return "ciba.Request has no field for it; Audience is set and not sent: " + none("audience") + ", " + none("details"), nil
}

// expired moves the server's clock behind the request's end: the library cannot ask for a shorter life.
func expired(ctx context.Context, s *server) (string, error) {
	on, err := begin(ctx, s, "ignore")
	if err != nil {
		return "", err
	}
	defer on.phone.end()
	if _, err := s.control("POST", "control/clock", object{"advance_s": on.started.ExpiresIn}); err != nil {
		return "", err
	}
	_, _, err = wait(ctx, s, on.api, on.started)
	return text(err), nil
}

// code is the server's error code inside an error of the library.
func code(err error) string {
	var refused *authentication.Error
	if errors.As(err, &refused) {
		return refused.Err
	}
	return text(err)
}

func text(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

// tail is the last part of a long error.
func tail(err error) string {
	parts := strings.Split(text(err), "x509: ")
	return parts[len(parts)-1]
}
