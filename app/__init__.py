"""The Streamlit app: the only importer of streamlit. `streamlit run app/main.py`."""
