# Tidies the Kotlin that uniffi wrote; `generate` calls it. Reads a whole file, writes it back (perl -0777 -i).
use strict;
use warnings;

my $text = <>;

# change(WHAT FOR, TIMES, PATTERN, REPLACEMENT): TIMES 0 is "at least once".
sub change {
    my ($what, $times, $pattern, $replacement) = @_;
    my $found = ($text =~ s/$pattern/$replacement->()/gme) || 0;
    die "tidy.pl: $what: found $found times; has uniffi changed?\n" if $times ? $found != $times : !$found;
}
sub is { my $words = shift; return sub { $words } }

# A host that throws an Error (TODO(), StackOverflowError, a failed assertion) would otherwise look like one that has
# answered: JNA swallows what is not caught here.
change 'callbacks catch everything', 2, qr/catch\(e: kotlin\.Exception\) \{/m, is 'catch(e: kotlin.Throwable) {';
# What a host's exception says may hold anything, and nobody reads it on the other side.
change 'what a host throws stays unsaid', 2, qr/try \{ e\.stackTraceToString\(\) \} catch\(_: Throwable\) \{ "" \}/m,
  is '"the host threw what it does not declare"';

# Calls on a closed object fail as any other call does.
change 'closed objects', 0, qr/throw IllegalStateException\("\$\{this\.javaClass\.simpleName\} object has already been destroyed"\)/m,
  is 'throw closedException()';

# Only the API is public.
change 'converters', 0, qr/^public (object|interface|abstract class|typealias) (FfiConverter|uniffi)/m, sub { "internal $1 $2" };
change 'buffers', 1, qr/^open class RustBuffer\b/m, is 'internal open class RustBuffer';
change 'uniffi exceptions', 1, qr/^class InternalException\b/m, is 'internal class InternalException';
change 'error handlers', 1, qr/^interface UniffiRustCallStatusErrorHandler\b/m, is 'internal interface UniffiRustCallStatusErrorHandler';
change 'error handlers', 1, qr/^object UniffiNullRustCallStatusErrorHandler\b/m, is 'internal object UniffiNullRustCallStatusErrorHandler';
change 'error handlers', 0, qr/^    companion object ErrorHandler\b/m, is '    internal companion object ErrorHandler';
change 'initialisation', 1, qr/^public fun uniffiEnsureInitialized\b/m, is 'internal fun uniffiEnsureInitialized';
change 'cleaners', 1, qr/^interface UniffiCleaner\b/m, is 'internal interface UniffiCleaner';
change 'markers', 1, qr/^object UniffiWithHandle\b/m, is 'internal object UniffiWithHandle';
change 'markers', 1, qr/^object NoHandle\b/m, is 'internal object NoHandle';
change 'destroying', 1, qr/^interface Disposable\b/m, is 'internal interface Disposable';
change 'Rust behind an interface', 0, qr/^open class (\w+)Impl: Disposable, AutoCloseable, /m,
  sub { "internal class $1Impl : AutoCloseable, " };
change 'objects', 0, qr/^open class (\w+): Disposable, AutoCloseable, (\w+)/m, sub { "class $1 : AutoCloseable, $2" };
change 'destroying', 1, qr/^inline fun <T : Disposable\?, R> T\.use/m, is 'internal inline fun <T : Disposable?, R> T.use';
change 'destroying', 0, qr/^    override fun destroy\(\)/m, is '    internal fun destroy()';
change 'constructors', 0, qr/^    constructor\((withHandle|noHandle)/m, sub { "    internal constructor($1" };
change 'handles', 0, qr/^    protected val (handle|cleanable)/m, sub { "    private val $1" };
change 'handles', 0, qr/^    fun uniffiCloneHandle\(\)/m, is '    internal fun uniffiCloneHandle()';
change 'handles', 0, qr/^    val uniffiIsDestroyed/m, is '    internal val uniffiIsDestroyed';
# Fakes in an app's tests implement AuthenticatorInterface; nobody implements this one.
change 'one implementation', 1, qr/^public interface CancellationInterface\b/m, is 'internal interface CancellationInterface';

change 'what errors are made of', 1, qr/^sealed class ErrorParts\b/m, is 'internal sealed class ErrorParts';

# Documentation: without examples in Rust, and Rust's names as Kotlin has them.
change 'examples', 0, qr/^[ ]*\* ```\n(?:[ ]*\*.*\n)*?[ ]*\* ```\n(?:[ ]*\*\n)?/m, is '';
my %flat = map { $_ => 1 } $text =~ /^enum class (\w+)/gm;
my %renamed = (AuthenticatorError => 'AuthenticatorException', Error => 'AuthenticatorException', Row => 'ReviewRow', Section => 'ReviewSection', Text => 'ShownText');
sub camel { my $name = shift; $name =~ s/_(\w)/\u$1/g; return $name }
sub kotlin {
    my @path = split /::/, shift;
    shift @path if $path[0] eq 'crate' || $path[0] eq 'Self';
    $path[0] = $renamed{$path[0]} // $path[0];
    if (@path > 1 && $flat{$path[0]}) { $path[1] =~ s/(?<=[a-z0-9])(?=[A-Z])/_/g; $path[1] = uc $path[1] }
    return '[' . join('.', map { /^[a-z]/ ? camel($_) : $_ } @path) . ']';
}
$text =~ s{^(\s*\*.*)$}{ my $line = $1; $line =~ s/\[`([\w:]+)`\](?:\([^)]*\))?/kotlin($1)/ge; $line =~ s/`((?:crate::)?[A-Z]\w*::[\w:]+)`/kotlin($1)/ge; $line =~ s/`None`/`null`/g; $line }gme;

print $text;
