package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/orderlyhq/orderly/internal/people"
)

func usersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "users",
		Short: "Say who may use the dashboard and the API",
		Long: `Users says who may sign in, and as what: a viewer sees everything, an operator also does the daily work, an admin
also changes connections, flows, people and settings. A change of the password or the role, and disabling,
end all sessions of that user at once. The last admin who can sign in can be neither demoted nor disabled nor
removed.`,
	}
	c.AddCommand(
		usersAddCommand(), usersListCommand(), usersPasswordCommand(), usersRoleCommand(), usersEmailCommand(), usersLinkCommand(),
		usersStateCommand("disable", "Keep a user out, with all sessions and API tokens, until enable", "disabled", (*people.Service).Disable),
		usersStateCommand("enable", "Let a disabled user in again", "enabled", (*people.Service).Enable),
		usersStateCommand("remove", "Remove a user with all sessions and API tokens; the audit stays", "removed", (*people.Service).Remove),
	)
	return c
}

// userVerb opens the data for a verb about users.
type userVerb struct {
	data dataFlags
	why  string
	new  bool // there need be no data yet
}

func (v *userVerb) add(c *cobra.Command) {
	v.data.add(c, "warn")
	c.Flags().StringVar(&v.why, "reason", "", "why; shown in the audit")
}

// run opens the people of the data for a function.
func (v *userVerb) run(cmd *cobra.Command, do func(ctx context.Context, s *people.Service) error) error {
	open := v.data.open
	if v.new {
		open = v.data.openOrMake
	}
	i, err := open(cmd)
	if err != nil {
		return err
	}
	defer i.close()
	err = do(cmd.Context(), people.New(i.store, people.Options{Log: i.log}))
	if input, ok := errors.AsType[*people.InputError](err); ok {
		return usageError("%w", input)
	}
	return err
}

// runOn is run for a user of a name.
func (v *userVerb) runOn(cmd *cobra.Command, name string, do func(ctx context.Context, s *people.Service, u people.User) error) error {
	return v.run(cmd, func(ctx context.Context, s *people.Service) error {
		u, err := s.UserNamed(ctx, name)
		if errors.Is(err, people.ErrUnknown) {
			return usageError("there is no user %q; see: orderly users list", name)
		}
		if err != nil {
			return err
		}
		return do(ctx, s, u)
	})
}

// commandLine is who the audit says it was.
func commandLine() people.Person { return people.Person{Name: operator(), Role: people.Admin} }

func usersAddCommand() *cobra.Command {
	var v userVerb
	var n people.NewUser
	var role string
	var way passwordWay
	var link, none bool
	c := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a user",
		Long: `Add adds a user and asks for the password twice. With --link it asks for none and prints the path of a link with
which the user signs in once and sets a password.`,
		Example: `  orderly users add anna --role admin
  orderly users add ben --role operator --link
  orderly users add cleo --email cleo@example.com --no-password   # signs in through the OpenID Connect provider`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			n.Name = args[0]
			if n.Role, err = people.ParseRole(role); err != nil {
				return usageError("--%w", err)
			}
			if !link && !none {
				if n.Password, err = way.read(cmd); err != nil {
					return err
				}
			}
			return v.run(cmd, func(ctx context.Context, s *people.Service) error {
				u, err := s.Add(ctx, commandLine(), n, v.why)
				if err != nil {
					return err
				}
				if link {
					return printLink(ctx, cmd, s, u, defaultLinkTime, v.why)
				}
				return say(cmd, "added %s as %s", u.Name, u.Role)
			})
		},
	}
	v.new = true
	v.add(c)
	way.add(c)
	flags := c.Flags()
	flags.StringVar(&role, "role", string(people.Viewer), "viewer, operator or admin")
	flags.StringVar(&n.Email, "email", "", "e-mail address; who signs in through the OpenID Connect provider with it becomes this user")
	flags.BoolVar(&link, "link", false, "set no password; print the path of a one-time sign-in link")
	flags.BoolVar(&none, "no-password", false, "set no password: the user signs in through the OpenID Connect provider")
	c.MarkFlagsMutuallyExclusive("link", "no-password", "password-stdin")
	_ = c.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(roleNames(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func roleNames() []string {
	var names []string
	for _, r := range people.Roles() {
		names = append(names, string(r))
	}
	return names
}

func usersListCommand() *cobra.Command {
	var data dataFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List all users",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := userVerb{data: data}
			return v.run(cmd, func(ctx context.Context, s *people.Service) error {
				list, err := s.List(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), list)
				}
				if len(list) == 0 {
					return say(cmd, "There is no user yet. Add the first: orderly users add NAME --role admin")
				}
				return table(cmd.OutOrStdout(), []string{"NAME", "ROLE", "SIGNS IN BY", "E-MAIL", "SEEN"}, userRows(list, time.Now()))
			})
		},
	}
	data.add(c, "warn")
	jsonFlag(c, &asJSON)
	return c
}

func userRows(list []people.User, now time.Time) [][]string {
	var out [][]string
	for _, u := range list {
		var ways []string
		if u.HasPassword {
			ways = append(ways, "password")
		}
		if u.HasOIDC {
			ways = append(ways, "provider")
		}
		if u.Disabled {
			ways = []string{"(disabled)"}
		}
		out = append(out, []string{u.Name, string(u.Role), orDash(strings.Join(ways, ", ")), orDash(u.Email), ago(u.LastSeen, now)})
	}
	return out
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func usersPasswordCommand() *cobra.Command {
	var v userVerb
	var way passwordWay
	c := &cobra.Command{
		Use:   "password NAME",
		Short: "Set a user's password and end all sessions of the user",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.runOn(cmd, args[0], func(ctx context.Context, s *people.Service, u people.User) error {
				password, err := way.read(cmd)
				if err != nil {
					return err
				}
				if err := s.SetPassword(ctx, commandLine(), u.ID, password, v.why); err != nil {
					return err
				}
				return say(cmd, "%s has a new password", u.Name)
			})
		},
	}
	v.add(c)
	way.add(c)
	return c
}

func usersRoleCommand() *cobra.Command {
	var v userVerb
	c := &cobra.Command{
		Use:   "role NAME viewer|operator|admin",
		Short: "Give a user another role and end all sessions of the user",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.runOn(cmd, args[0], func(ctx context.Context, s *people.Service, u people.User) error {
				role, err := people.ParseRole(args[1])
				if err != nil {
					return err
				}
				if err := s.SetRole(ctx, commandLine(), u.ID, role, v.why); err != nil {
					return err
				}
				return say(cmd, "%s is %s", u.Name, role)
			})
		},
	}
	v.add(c)
	return c
}

func usersEmailCommand() *cobra.Command {
	var v userVerb
	c := &cobra.Command{
		Use:   "email NAME [ADDRESS]",
		Short: "Set a user's e-mail address, or take it away",
		Long: `Email sets the address with which a user may sign in through the OpenID Connect provider for the first time.
Without an address it is taken away.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.runOn(cmd, args[0], func(ctx context.Context, s *people.Service, u people.User) error {
				address := strings.Join(args[1:], "")
				if err := s.SetEmail(ctx, commandLine(), u.ID, address, v.why); err != nil {
					return err
				}
				if address == "" {
					return say(cmd, "%s has no e-mail address any more", u.Name)
				}
				return say(cmd, "%s has a new e-mail address", u.Name)
			})
		},
	}
	v.add(c)
	return c
}

// usersStateCommand is a verb that needs nothing but the name.
func usersStateCommand(verb, short, done string, do func(s *people.Service, ctx context.Context, by people.Person, id int64, why string) error) *cobra.Command {
	var v userVerb
	c := &cobra.Command{
		Use:   verb + " NAME",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.runOn(cmd, args[0], func(ctx context.Context, s *people.Service, u people.User) error {
				if err := do(s, ctx, commandLine(), u.ID, v.why); err != nil {
					return err
				}
				return say(cmd, "%s is %s", u.Name, done)
			})
		},
	}
	v.add(c)
	return c
}

// defaultLinkTime is how long a link is valid when nothing else is said.
const defaultLinkTime = 24 * time.Hour

func usersLinkCommand() *cobra.Command {
	var v userVerb
	var lifetime time.Duration
	c := &cobra.Command{
		Use:   "link NAME",
		Short: "Print a one-time sign-in link for a user, for example for a lost password",
		Long: `Link prints the path of a link with which a user signs in once, without a password, and can set a new one. Put the
address of the dashboard before it. Whoever has the link can use it.`,
		Example: `  orderly users link anna
  echo "https://orderly.example.com$(orderly users link anna --lifetime 1h)"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.runOn(cmd, args[0], func(ctx context.Context, s *people.Service, u people.User) error {
				return printLink(ctx, cmd, s, u, lifetime, v.why)
			})
		},
	}
	v.add(c)
	c.Flags().DurationVar(&lifetime, "lifetime", defaultLinkTime, "how long the link is valid, a week at the most")
	return c
}

// printLink prints the path alone, so that scripts can use it.
func printLink(ctx context.Context, cmd *cobra.Command, s *people.Service, u people.User, lifetime time.Duration, why string) error {
	secret, err := s.MakeLink(ctx, commandLine(), u.ID, lifetime, why)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%s can sign in once within %s by this link, behind the address of the dashboard:\n", u.Name, lifetime)
	return say(cmd, "%s", people.LinkPath(secret))
}

func say(cmd *cobra.Command, format string, args ...any) error {
	_, err := fmt.Fprintf(cmd.OutOrStdout(), format+"\n", args...)
	return err
}

// passwordWay is where a new password comes from.
type passwordWay struct{ stdin bool }

func (p *passwordWay) add(c *cobra.Command) {
	c.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from standard input, in place of asking twice")
}

// maxPasswordLine bounds what is read for a password, in bytes.
const maxPasswordLine = 4096

func (p *passwordWay) read(cmd *cobra.Command) (string, error) {
	if p.stdin {
		line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), maxPasswordLine)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", usageError("there is no password on standard input")
		}
		return line, nil
	}
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !isTerminal(in) {
		return "", usageError("nobody is there to type a password: give it with --password-stdin")
	}
	first, err := ask(cmd, in, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := ask(cmd, in, "The same again: ")
	if err != nil {
		return "", err
	}
	if first == "" || first != second {
		return "", usageError("these were not the same password twice")
	}
	return first, nil
}

// ask reads a line from a terminal without showing it.
func ask(cmd *cobra.Command, in *os.File, question string) (string, error) {
	_, _ = fmt.Fprint(cmd.ErrOrStderr(), question)
	text, err := term.ReadPassword(int(in.Fd()))
	_, _ = fmt.Fprintln(cmd.ErrOrStderr())
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(text), nil
}
