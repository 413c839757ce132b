"""`python -m peft_core …`"""

import sys

if __name__ == "__main__":
    try:  # Ctrl-C while modules are being imported ends like Ctrl-C afterwards
        from peft_core.cli.main import main

        main()
    except KeyboardInterrupt:
        sys.exit(130)
