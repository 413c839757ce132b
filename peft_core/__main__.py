"""`python -m peft_core …`"""

from peft_core.cli.main import main

if __name__ == "__main__":
    main()
